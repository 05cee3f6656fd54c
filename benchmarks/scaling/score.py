"""What an autoscaler makes of a trace: its run in simulation, and figures of it.

Elasticity is measured as the SPEC Research Group has it (N. Herbst et al., "Ready for Rain? A View from SPEC Research
on the Future of Cloud Metrics", SPEC-RG-2016-01): the demand d is the fewest replicas that keep the objective under
the load of the moment, the supply s those that are ready; accuracy is the average of what is missing or too many,
relative to d, and timeshare is how long something is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scaler.spec import Objective

from benchmarks.scaling.arms import Arm
from benchmarks.scaling.service import STEPS_PER_S, Cluster, Service, amounts
from benchmarks.scaling.traces import Trace


@dataclass(frozen=True, slots=True)
class Score:
    """`bad` is the share of requests that are refused or take longer than the objective; `replicas` are pod-seconds
    per second. `flips` count how often up followed down, or down up. The others are shares, of demand and of time.
    """

    bad: float
    replicas: float
    flips: float
    under: float
    over: float
    under_time: float
    over_time: float


def run(service: Service, trace: Trace, arm: Arm, objective: Objective, seed: str) -> Score:
    """Arms that are given the same seed meet the same load. It begins with as many replicas as it needs."""
    carries = service.carries(objective)
    cluster = Cluster(service, max(1, math.ceil(trace.rates_per_s[0] / carries)), objective, seed)
    under = over = under_time = over_time = 0.0
    flips, before, direction = 0, cluster.asked_for, 0
    for number, (rate, amount) in enumerate(amounts(trace.rates_per_s, seed)):
        cluster.step(amount)
        if (number + 1) % STEPS_PER_S:
            continue
        arm.second(cluster)
        demand = max(1, math.ceil(rate / carries))
        lacking = (demand - len(cluster.ready)) / demand
        under += max(0.0, lacking)
        over += max(0.0, -lacking)
        under_time += lacking > 0
        over_time += lacking < 0
        if cluster.asked_for != before:
            now = 1 if cluster.asked_for > before else -1
            flips += direction == -now
            before, direction = cluster.asked_for, now
    seconds = len(trace.rates_per_s)
    return Score(
        bad=cluster.bad / cluster.arrived,
        replicas=cluster.pod_seconds / seconds,
        flips=flips,
        under=under / seconds,
        over=over / seconds,
        under_time=under_time / seconds,
        over_time=over_time / seconds,
    )


def mean(scores: list[Score]) -> Score:
    return Score(*(sum(getattr(one, name) for one in scores) / len(scores) for name in Score.__slots__))
