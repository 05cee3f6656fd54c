"""How high a variant climbs: one geometric ladder of rates, shared by all variants, up to the first rung not held.

Who does not hold the scenario's own rate, rung 0, climbs down from there, to the first rung held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.core.trial import Part, Trial

FACTOR = 1.5
RUNGS_MAX = 14
RUNGS_BELOW_MAX = 7  # to a seventeenth: a scenario is written for a whole core, and limits begin at a quarter
TRIES_PER_RUNG = 3  # a void trial says nothing, so it is repeated


class End(StrEnum):
    """Why a climb ended."""

    OBJECTIVE = "objective"  # a rung did not hold it: the highest rate is between two rungs
    GENERATOR = "generator"  # the load generator was the limit: the highest rate is at least the last rung held
    TOP = "top"  # the ladder has no further rung
    VOID = "void"  # a rung stayed void for another reason: nothing is known above the last rung held


@dataclass(frozen=True, slots=True)
class Climb:
    """`held_per_s` is the highest rate held (None: not even the lowest), `missed_per_s` the lowest that was not."""

    held_per_s: float | None
    missed_per_s: float | None
    end: End | None
    reasons: tuple[str, ...]


def rate(first_per_s: float, rung: int) -> float:
    """The rate of a rung, counted from that of the scenario, 0; whole requests per second from 10 on."""
    exact = first_per_s * FACTOR**rung
    return float(round(exact)) if exact >= 10 else exact


def climb(trials: Sequence[Trial]) -> Climb:
    """Where one variant stands after `trials`, in the order they ran. `end` is None while it should go on.

    Those that are no part of its climb say nothing of it.
    """
    held: float | None = None
    missed: float | None = None
    reasons: tuple[str, ...] = ()
    void_in_a_row: list[Trial] = []
    for trial in trials:
        if trial.part is not Part.CLIMB:
            continue
        if trial.void:
            void_in_a_row.append(trial)
            if len(void_in_a_row) == TRIES_PER_RUNG:
                end = End.GENERATOR if all(t.limited_by_generator for t in void_in_a_row) else End.VOID
                return Climb(held, missed, end, trial.void)
            continue
        void_in_a_row.clear()
        if trial.missed:
            missed, reasons = trial.rate_per_s, trial.missed
            if held is not None or trial.step == -RUNGS_BELOW_MAX:
                return Climb(held, missed, End.OBJECTIVE, reasons)
        else:
            held = trial.rate_per_s
            if missed is not None:
                return Climb(held, missed, End.OBJECTIVE, reasons)
            if trial.step == RUNGS_MAX - 1:
                return Climb(held, None, End.TOP, ())
    return Climb(held, missed, None, reasons)


def next_rung(trials: Sequence[Trial]) -> int:
    """The rung to try next, while the climb goes on: the same one again after a void trial."""
    if not trials:
        return 0
    last = trials[-1]
    if last.void:
        return last.step
    return last.step + (-1 if last.missed else 1)
