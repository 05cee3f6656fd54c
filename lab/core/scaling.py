"""What came of a load that rose to a peak and fell: for requests, and for the number of replicas. Pure.

`lab.core.figures` has the figures' names. `first_up_s`, `all_ready_s` and `held_s` count from the step up, `down_s`
from the step down. Bad requests failed or were slow; `late_...` is of those due `LATE_S` or more after the step up,
until the load's end. A turn is a change of the number asked for in the other direction than the one before. The SLO
held from the first second on from which every window at the peak keeps it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from lab.core.autoscaling import Size, since
from lab.core.experiment import Experiment
from lab.core.figures import LATE_S, recovery_s
from lab.core.measurement import Second
from lab.core.scenario import Slo


def of_scaling(
    experiment: Experiment, slo: Slo, seconds: Sequence[Second], sizes: Sequence[Size]
) -> dict[str, float | None]:
    """`sizes` are of the whole load, in seconds from its begin, the first at 0."""
    up_s, falls_s = experiment.before_s, experiment.falls_s
    late = seconds[math.ceil(up_s + LATE_S) :]
    at_peak = [size for size in sizes if up_s <= size.at_s < falls_s]
    base = [size.wanted for size in sizes if size.at_s < up_s][-1]
    most = max((size.wanted for size in at_peak), default=base)
    raised = [size.at_s for size in at_peak if size.wanted > base]
    all_ready = [size.at_s for size in at_peak if size.ready >= most > base]
    fallen = [size.at_s for size in since(sizes, falls_s, experiment.load_s) if size.wanted <= base]
    return {
        "bad_share": _bad_share(seconds),
        "late_bad_share": _bad_share(late),
        "late_failed": sum(second.failed for second in late),
        "first_up_s": raised[0] - up_s if raised else None,
        "all_ready_s": all_ready[0] - up_s if all_ready else None,
        "held_s": recovery_s(seconds[: math.floor(falls_s)], slo, up_s),
        "most": max((size.ready for size in sizes), default=None),
        "down_s": fallen[0] if fallen else None,
        "turns": turns([size.wanted for size in sizes]),
        "pod_s": pod_seconds(sizes, experiment.load_s),
    }


def turns(wanted: Sequence[int]) -> int:
    ways = [after > before for before, after in pairwise(wanted) if after != before]
    return sum(before != after for before, after in pairwise(ways))


def pod_seconds(sizes: Sequence[Size], end_s: float) -> float:
    """Of replicas that were there, ready or not, until `end_s`."""
    ends = [*(size.at_s for size in sizes[1:]), end_s]
    return math.fsum(size.there * (end - size.at_s) for size, end in zip(sizes, ends, strict=True))


def _bad_share(seconds: Sequence[Second]) -> float | None:
    """None of no request."""
    scheduled = sum(second.scheduled for second in seconds)
    return sum(second.failed + second.slow for second in seconds) / scheduled if scheduled else None
