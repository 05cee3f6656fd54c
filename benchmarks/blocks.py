"""Arms in interleaved blocks, and what their services took meanwhile: what paired benchmarks have in common."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from lab.core.trial import replaced
from lab.ports import Runtime

T = TypeVar("T")


def interleaved(
    arms: Sequence[str],
    one: Callable[[str, float, int], T],
    *,
    blocks: int,
    block_s: float,
    warm_up_s: float,
    seed: str,
) -> dict[str, list[T]]:
    """What `one` gives for an arm, seconds, and a seed that all arms of a block share: for each arm, block by block.

    The order of the arms is drawn anew for each block.
    """
    for arm in arms:
        one(arm, warm_up_s, 0)
    chance = random.Random(seed)
    found: dict[str, list[T]] = {arm: [] for arm in arms}
    for block in range(1, blocks + 1):
        for arm in chance.sample(arms, len(arms)):
            found[arm].append(one(arm, block_s, block))
    return found


def with_cpu(runtime: Runtime, service: str, load: Callable[[], T]) -> tuple[T, float]:
    """What `load` gives, and the CPU seconds of the service meanwhile. Ends the benchmark when a process was replaced.

    Steal is no reason to: an arm that is there twice shows what it does.
    """
    before = runtime.usage(service)
    found = load()
    after = runtime.usage(service)
    if reasons := replaced(before, after):
        raise SystemExit(f"{service}: {'; '.join(reasons)}")
    return found, sum(usage.cpu_s for usage in after) - sum(usage.cpu_s for usage in before)
