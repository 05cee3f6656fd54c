"""Ratios from interleaved blocks: the median and an interval for it that assumes no distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Ratio:
    """`low` and `high` bound the median with at least 95 % confidence (order statistics, sign test)."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3f} [{self.low:.3f}, {self.high:.3f}]"


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
    """The ratio block by block; both sequences have a figure for each block, at least six."""
    ratios = sorted(a / b for a, b in zip(numerators, denominators, strict=True))
    skip = _skipped(len(ratios))
    return Ratio(median(ratios), ratios[skip], ratios[-1 - skip])


def _skipped(count: int) -> int:
    """How many of the sorted values lie outside the interval on either side."""
    if count < 6:
        raise ValueError(f"{count} blocks give no interval; at least 6")
    cumulative, skipped = 0.0, -1
    for successes in range(count):
        cumulative += math.comb(count, successes) / 2**count
        if cumulative > 0.025:
            break
        skipped = successes
    return skipped
