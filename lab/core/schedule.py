"""When requests leave, whatever becomes of those before. Times are seconds from the start of the trial, ascending."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """So many seconds at one rate, which may be 0."""

    rate_per_s: float
    duration_s: float


def constant(rate_per_s: float, duration_s: float, worker: int = 0, workers: int = 1) -> list[float]:
    """Evenly spaced arrivals, the first at 0, at least one; of several workers, those of one, all others' between."""
    return [index / rate_per_s for index in range(worker, max(1, round(rate_per_s * duration_s)), workers)]


def stepped(steps: Sequence[Step], worker: int = 0, workers: int = 1) -> list[float]:
    """Evenly spaced arrivals within each step, its first at its begin; of several workers, those of one."""
    times: list[float] = []
    begin_s = 0.0
    for step in steps:
        times += (begin_s + index / step.rate_per_s for index in range(round(step.rate_per_s * step.duration_s)))
        begin_s += step.duration_s
    return times[worker::workers]


def mean_rate_per_s(steps: Sequence[Step]) -> float:
    """Of steps that take any time."""
    return math.fsum(step.rate_per_s * step.duration_s for step in steps) / math.fsum(step.duration_s for step in steps)
