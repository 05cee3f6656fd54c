"""What an HTTPAutoscaler asks for, with its defaults. Pure; the defaults are those of the resource's schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Mode(StrEnum):
    ACTIVE = "Active"
    DRY_RUN = "DryRun"  # decides and tells, changes nothing
    PAUSED = "Paused"


@dataclass(frozen=True, slots=True)
class Target:
    """How much one replica should carry: `utilization` is the share of its capacity, above 0, at most 1.

    `concurrency` is requests under way in one replica, waiting ones among them; None: nothing is asked of it.
    `cpu` is the cores that one replica can use at most; None: what its limit says, at most 1, since the threads of a
    Python process share one interpreter lock.
    """

    utilization: float = 0.7
    concurrency: float | None = None
    cpu: float | None = None


@dataclass(frozen=True, slots=True)
class Objective:
    """At least `share` of all requests are answered, without a failure, within `latency_s`."""

    latency_s: float = 0.25
    share: float = 0.99


@dataclass(frozen=True, slots=True)
class Behavior:
    """Times in seconds. `up_share` and `down_share` are the most that one step adds or takes, of the replicas there.

    Up goes what the larger of the two windows asks for, if that is more than `tolerance` above what is there. Down goes
    to the most that was asked for within `hold_s`. What waits is to be worked off within `drain_s`. A replica that told
    nothing for `stale_s` tells nothing.
    """

    short_window_s: float = 5.0
    long_window_s: float = 60.0
    drain_s: float = 2.0
    tolerance: float = 0.1
    up_share: float = 4.0
    down_share: float = 0.5
    hold_s: float = 120.0
    stale_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Spec:
    max_replicas: int
    min_replicas: int = 1
    target: Target = field(default_factory=Target)
    objective: Objective = field(default_factory=Objective)
    behavior: Behavior = field(default_factory=Behavior)
    mode: Mode = Mode.ACTIVE
