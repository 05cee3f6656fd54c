"""Wait for something to become true, to a deadline, and say what was waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL_S = 0.02


def until(condition: Callable[[], T | None], deadline_s: float, what: str) -> T:
    """The first true answer of `condition`; AssertionError with `what` and the last answer after `deadline_s`."""
    give_up = time.monotonic() + deadline_s
    while not (last := condition()):
        if time.monotonic() > give_up:
            raise AssertionError(f"not within {deadline_s:g} s: {what}; last seen: {last!r}")
        time.sleep(INTERVAL_S)
    return last
