"""When requests leave."""

from __future__ import annotations

import pytest

from lab.core.schedule import constant

CASES = [
    # case                                  rate  duration -> times
    ("evenly spaced from the start", 4, 1, [0, 0.25, 0.5, 0.75]),
    ("none at the very end", 2, 2, [0, 0.5, 1, 1.5]),
    ("a part of a request is rounded", 3, 0.5, [0, 1 / 3]),
    ("never none at all", 0.1, 1, [0]),
]


@pytest.mark.parametrize(("rate", "duration", "times"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_constant(rate: float, duration: float, times: list[float]) -> None:
    assert constant(rate, duration) == pytest.approx(times)


def test_no_drift_after_a_million() -> None:
    assert constant(3000, 400)[-1] == pytest.approx(1_199_999 / 3000, abs=1e-9)
