"""Who competes, on what: the arms by name, and their scores over traces and services, computed on all cores.

Every trace meets each of SERVICES. Who has thresholds is told the capacity of one replica, as somebody knows it who has
tested the service under load; our decision has its defaults, and finds the capacity out.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product

from scaler.spec import Objective, Spec

from benchmarks.scaling.arms import Arm, CpuHpa, Keda, KedaObject, Ours
from benchmarks.scaling.rivals import Behavior, Policy, Rules, Signal, Trigger, Unit
from benchmarks.scaling.score import Score, mean, run
from benchmarks.scaling.service import SERVICES, Service
from benchmarks.scaling.traces import Trace

MAX_REPLICAS = 20
OBJECTIVE = Objective()
UP_DEFAULT = Behavior().up
UP_FAST = Rules((Policy(Unit.PERCENT, 400, 15), *UP_DEFAULT.policies), 0)


@dataclass(frozen=True, slots=True)
class OursArm:
    def make(self, service: Service, seed: str) -> Arm:
        return Ours(Spec(max_replicas=MAX_REPLICAS, objective=OBJECTIVE), seed)


@dataclass(frozen=True, slots=True)
class HpaArm:
    """The HPA with its defaults, at a target of CPU utilization."""

    target_percent: int

    def make(self, service: Service, seed: str) -> Arm:
        return CpuHpa(self.target_percent, Behavior(), MAX_REPLICAS, seed)


@dataclass(frozen=True, slots=True)
class KedaArm:
    """A ScaledObject with one trigger or two; None: without it.

    `rate_of` is what the first goes by, in requests per second over `rate_s`: as many as `share` of its capacity for
    each replica. The second is for `under_way` requests in each replica, in flight or in its queue, over `under_way_s`.
    `down_s` is how long it stays up; `fast_up` allows five times the replicas every 15 s instead of twice; Prometheus
    asks every `scrape_s`.
    """

    rate_of: Signal
    share: float | None
    rate_s: float
    under_way: float | None
    under_way_s: float
    down_s: float
    fast_up: bool
    scrape_s: int = 5

    def make(self, service: Service, seed: str) -> Arm:
        triggers = []
        if self.share is not None:
            triggers.append(Trigger(self.rate_of, self.rate_s, self.share * service.capacity))
        if self.under_way is not None:
            triggers.append(Trigger(Signal.UNDER_WAY, self.under_way_s, self.under_way))
        up = UP_FAST if self.fast_up else UP_DEFAULT
        behavior = Behavior(up, Rules(Behavior().down.policies, self.down_s))
        return Keda(KedaObject(tuple(triggers), behavior, self.scrape_s), MAX_REPLICAS, seed)


Entrant = OursArm | HpaArm | KedaArm


@dataclass(frozen=True, slots=True)
class _Heat:
    entrant: Entrant
    trace: Trace
    service: Service

    def score(self) -> Score:
        seed = f"{self.trace.name} {self.service.name}"
        return run(self.service, self.trace, self.entrant.make(self.service, seed), OBJECTIVE, seed)


def scores(
    entrants: Sequence[Entrant], traces: Sequence[Trace], services: Sequence[Service] = SERVICES
) -> list[list[Score]]:
    """For each entrant a score for each trace, the mean over the services."""
    heats = [_Heat(*heat) for heat in product(entrants, traces, services)]
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(_Heat.score, heats, chunksize=len(services)))
    means = [mean(found[start : start + len(services)]) for start in range(0, len(found), len(services))]
    return [means[start : start + len(traces)] for start in range(0, len(means), len(traces))]
