"""What the repeats of an experiment say together: of one arm, in one of its cases. Pure.

A void repeat says nothing and was done again; a repeat that stayed void is missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median_low
from typing import Any

from lab.core.experiment import Kind
from lab.core.figures import KINDS, Combined, Figure, Verdict, verdict
from lab.core.trial import Trial

DIGITS = 6


@dataclass(frozen=True, slots=True)
class Range:
    """Of a figure's repeats: their median, the least and the most. A sum has no range.

    None stands for what is not known and, where the figure is open-ended, for longer than could be seen.
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    def document(self) -> dict[str, Any]:
        return {"value": _rounded(self.value), "low": _rounded(self.low), "high": _rounded(self.high)}


@dataclass(frozen=True, slots=True)
class Repeats:
    """`trials` as they ended, void ones included; no `figures` where none counts, or the arm dropped out."""

    case: str
    trials: tuple[Trial, ...]
    figures: Mapping[str, Range]
    verdict: Verdict | None

    @property
    def counted(self) -> int:
        return sum(not trial.void for trial in self.trials)

    @property
    def missing(self) -> tuple[Trial, ...]:
        """The last try of each repeat that stayed void."""
        last = {trial.step: trial for trial in self.trials}
        return tuple(trial for trial in last.values() if trial.void)

    def document(self) -> dict[str, Any]:
        """A row of `summary.json`."""
        return {
            "case": self.case or None,
            "repeats": [
                {
                    "repeat": trial.step,
                    "status": "void" if trial.void else "ok",
                    "reasons": list(trial.void),
                    "figures": {name: _rounded(value) for name, value in trial.figures.items()},
                    "sizes": [{name: _rounded(value) for name, value in asdict(size).items()} for size in trial.sizes],
                }
                for trial in self.trials
            ],
            "figures": {name: found.document() for name, found in self.figures.items()},
            "goal": self.verdict,
        }


def repeats(kind: Kind, case: str, trials: Sequence[Trial], *, dropped_out: bool) -> Repeats:
    """`trials` of one arm, of which those of the case count."""
    of_case = tuple(trial for trial in trials if trial.case == case)
    counted = [] if dropped_out else [trial for trial in of_case if not trial.void]
    measures = KINDS[kind]
    if not counted:
        return Repeats(case, of_case, {}, None)
    found = {
        figure.name: combined(figure, [trial.figures.get(figure.name) for trial in counted])
        for figure in measures.figures
    }
    reached = None
    if measures.goal:
        sums = {name: found[name].value or 0 for name in ("requests", "failed", "retried")}
        reached = verdict(measures.goal, repeats=len(counted), **sums)
    return Repeats(case, of_case, found, reached)


def combined(figure: Figure, values: Sequence[float | None]) -> Range:
    """Of at least one repeat. A sum with a part that is not known is not known."""
    known = [value for value in values if value is not None]
    if figure.combined is Combined.SUM:
        return Range(sum(known) if len(known) == len(values) else None)
    if figure.open_ended:
        known += [math.inf] * (len(values) - len(known))
    return Range(_seen(median_low(known)), _seen(min(known)), _seen(max(known))) if known else Range(None)


def _seen(value: float) -> float | None:
    return None if math.isinf(value) else value


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
