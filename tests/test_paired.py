"""What paired benchmarks are made of: interleaved blocks, and the interval of a ratio."""

from __future__ import annotations

import pytest

from benchmarks.blocks import interleaved
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


def test_each_block_has_every_arm_once_with_one_seed_and_in_an_order_of_its_own() -> None:
    calls: list[tuple[str, int]] = []
    arms = ["a", "b", "c"]

    def one(arm: str, _: float, seed: int) -> int:
        calls.append((arm, seed))
        return seed

    found = interleaved(arms, one, blocks=6, block_s=1.0, warm_up_s=1.0, seed="x")
    blocks = [calls[start : start + 3] for start in range(0, len(calls), 3)]
    assert [sorted(block) for block in blocks] == [[(arm, number) for arm in arms] for number in range(7)]
    assert len({tuple(arm for arm, _ in block) for block in blocks[1:]}) > 1
    assert found == {arm: [1, 2, 3, 4, 5, 6] for arm in arms}
