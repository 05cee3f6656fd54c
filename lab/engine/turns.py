"""Whose turn it is: trials of several targets, interleaved, so that what changes meanwhile meets all of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from lab.core import beside
from lab.core.trial import Trial
from lab.engine.plan import Failures, Target

Trials = dict[str, list[Trial]]
Try = Callable[[Target, int, list[Trial]], None]  # which step, and what was tried until now, to be added to


def in_turns(
    steps: Iterable[int],
    targets: Mapping[str, Target],
    failures: Failures,
    seed: int,
    try_one: Try,
    before: Mapping[str, Sequence[Trial]] = MappingProxyType({}),
) -> Trials:
    """Step by step, in an order drawn anew for each, again while a trial is void; trials by the targets' names.

    What was tried `before` stands in front of them.
    """
    chance = random.Random(seed)  # noqa: S311 - an order of trials, not a secret
    trials: Trials = {name: [*before.get(name, ())] for name in targets}
    for step in steps:
        while wanted := [name for name in left(targets, failures) if beside.wanted(trials[name], step)]:
            for name in chance.sample(wanted, len(wanted)):
                target = targets[name]
                if target.arm.name not in failures.reasons:
                    failures.attempt(target.arm.name, partial(try_one, target, step, trials[name]))
    return trials


def left(targets: Mapping[str, Target], failures: Failures) -> list[str]:
    """The targets whose arms have not dropped out."""
    return [name for name, target in targets.items() if target.arm.name not in failures.reasons]
