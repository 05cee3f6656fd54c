"""How high a variant climbs: one geometric ladder of rates, shared by all variants, up to the first rung not held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.core.trial import Trial

FACTOR = 1.5
RUNGS_MAX = 14
TRIES_PER_RUNG = 3  # a void trial says nothing, so it is repeated


class End(StrEnum):
    """Why a climb ended."""

    OBJECTIVE = "objective"  # a rung did not hold it: the highest rate is between two rungs
    GENERATOR = "generator"  # the load generator was the limit: the highest rate is at least the last rung held
    TOP = "top"  # the ladder has no further rung
    VOID = "void"  # a rung stayed void for another reason: nothing is known above the last rung held


@dataclass(frozen=True, slots=True)
class Climb:
    """`held_per_s` is the highest rate held (None: not even the first), `missed_per_s` the first that was not."""

    held_per_s: float | None
    missed_per_s: float | None
    end: End | None
    reasons: tuple[str, ...]


def rate(first_per_s: float, rung: int) -> float:
    """The rate of a rung, counted from 0; whole requests per second from 10 on."""
    exact = first_per_s * FACTOR**rung
    return float(round(exact)) if exact >= 10 else exact


def climb(trials: Sequence[Trial]) -> Climb:
    """Where one variant stands after `trials`, in the order they ran. `end` is None while it should go on."""
    held: float | None = None
    void_in_a_row: list[Trial] = []
    for trial in trials:
        if trial.void:
            void_in_a_row.append(trial)
            if len(void_in_a_row) == TRIES_PER_RUNG:
                end = End.GENERATOR if all(t.limited_by_generator for t in void_in_a_row) else End.VOID
                return Climb(held, None, end, trial.void)
            continue
        void_in_a_row.clear()
        if trial.missed:
            return Climb(held, trial.rate_per_s, End.OBJECTIVE, trial.missed)
        held = trial.rate_per_s
        if trial.step == RUNGS_MAX - 1:
            return Climb(held, None, End.TOP, ())
    return Climb(held, None, None, ())


def next_rung(trials: Sequence[Trial]) -> int:
    """The rung to try next: the same one again after a void trial."""
    if not trials:
        return 0
    return trials[-1].step + (0 if trials[-1].void else 1)
