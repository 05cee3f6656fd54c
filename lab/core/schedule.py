"""When requests leave, whatever becomes of those before. Times are seconds from the start of the trial, ascending."""

from __future__ import annotations


def constant(rate_per_s: float, duration_s: float) -> list[float]:
    """Evenly spaced arrivals, the first at 0, at least one."""
    return [index / rate_per_s for index in range(max(1, round(rate_per_s * duration_s)))]
