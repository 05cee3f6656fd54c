"""The interval of a benchmark's ratio."""

from __future__ import annotations

import pytest

from benchmarks.paired import ratio


@pytest.mark.parametrize(
    # Tables of the sign test: ranks that bound the median at 95 %.
    ("blocks", "low", "high"),
    [(6, 1, 6), (10, 2, 9), (20, 6, 15), (25, 8, 18)],
)
def test_the_interval_is_that_of_the_sign_test(blocks: int, low: int, high: int) -> None:
    found = ratio([float(rank) for rank in range(1, blocks + 1)], [1.0] * blocks)
    assert (found.low, found.high) == (low, high)


def test_too_few_blocks_give_no_interval() -> None:
    with pytest.raises(ValueError, match="at least 6"):
        ratio([1.0] * 5, [1.0] * 5)
