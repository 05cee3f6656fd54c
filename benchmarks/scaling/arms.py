"""What decides about a simulated service: our decision, the HPA, KEDA. Each is asked once a second of the simulation.

Their clocks have nothing to do with each other or with the load: each begins at a second of its own, drawn from a seed.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from typing import Protocol

from scaler.decision import decide
from scaler.demand import Observed, State
from scaler.samples import Sample
from scaler.spec import Spec

from benchmarks.scaling.rivals import (
    SYNC_S,
    Behavior,
    Hpa,
    Pod,
    Signal,
    Trigger,
    Usage,
    cpu_replicas,
    external_replicas,
)
from benchmarks.scaling.service import Cluster, Replica, Service

TICK_S = 5  # of our operator
HOUSEKEEPING_S = 10  # how often the kubelet measures a container's CPU
RESOLUTION_S = 15  # how often metrics-server asks it
KEPT_S = 120.0  # how long samples are looked at by any query


class Arm(Protocol):
    def second(self, cluster: Cluster) -> None:
        """Look, and scale."""


class Ours:
    def __init__(self, spec: Spec, seed: str) -> None:
        self._spec = spec
        self._state = State()
        self._phase = random.Random(seed).randrange(TICK_S)

    def second(self, cluster: Cluster) -> None:
        if (round(cluster.now) + self._phase) % TICK_S:
            return
        ready = cluster.ready
        observed = Observed(
            cluster.asked_for,
            frozenset(one.name for one in ready),
            [sample(cluster.service, one, cluster.now) for one in ready],
            cluster.service.cores,
        )
        decision, self._state = decide(self._spec, observed, self._state, cluster.now)
        if decision.replicas != cluster.asked_for:
            cluster.scale(decision.replicas)


def sample(service: Service, one: Replica, now: float) -> Sample:
    """What the operator reads of a replica."""
    return Sample(
        replica=one.name,
        at=now,
        in_flight=one.in_flight,
        completed=one.completed,
        slow=one.slow,
        service_s=one.service_s,
        queued=one.queued if service.tells_queue else None,
        concurrency=service.threads,
        workers=service.threads or 1,
        busy_s=one.busy_s,
        cpu_s=one.cpu_s,
    )


class CpuHpa:
    """The kubelet measures each pod every 10 s, metrics-server asks every 15 s, and the HPA looks every 15 s."""

    def __init__(self, target_percent: int, behavior: Behavior, max_replicas: int, seed: str) -> None:
        self._chance = random.Random(seed)
        self._target_percent = target_percent
        self._hpa = Hpa(behavior, max_replicas=max_replicas)
        self._sync = self._chance.randrange(SYNC_S)
        self._scrape = self._chance.randrange(RESOLUTION_S)
        self._housekeeping: dict[str, int] = defaultdict(lambda: self._chance.randrange(HOUSEKEEPING_S))
        self._measured: dict[str, tuple[float, float]] = {}
        self._scraped: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def second(self, cluster: Cluster) -> None:
        now = round(cluster.now)
        for one in cluster.replicas:
            if (now + self._housekeeping[one.name]) % HOUSEKEEPING_S == 0:
                self._measured[one.name] = (now, one.cpu_s)
        if (now + self._scrape) % RESOLUTION_S == 0:
            for one in cluster.replicas:
                points = self._scraped[one.name]
                if (point := self._measured.get(one.name)) and point not in points:
                    self._scraped[one.name] = [*points[-1:], point]
        if (now + self._sync) % SYNC_S == 0:
            pods = [self._pod(cluster, one) for one in cluster.lasting]
            current = cluster.asked_for
            asked = cpu_replicas(pods, current, cluster.service.cores, self._target_percent, now)
            cluster.scale(self._hpa.scaled(current, asked, now))

    def _pod(self, cluster: Cluster, one: Replica) -> Pod:
        ready = one.ready(cluster.now)
        return Pod(
            started=one.created,
            changed=one.ready_at if ready else one.created,
            ready=ready,
            pending=one.pending(cluster.now),
            usage=self._usage(one),
        )

    def _usage(self, one: Replica) -> Usage | None:
        points = self._scraped[one.name]
        if len(points) < 2:
            return None
        (before, less), (at, more) = points
        return Usage((more - less) / (at - before), at, at - before)


@dataclass(frozen=True, slots=True)
class KedaObject:
    """A ScaledObject for one service; `scrape_s` is Prometheus' interval."""

    triggers: tuple[Trigger, ...]
    behavior: Behavior
    scrape_s: int


class Keda:
    """Prometheus scrapes every started pod; at each sync of its HPA, KEDA asks Prometheus."""

    def __init__(self, scaled: KedaObject, max_replicas: int, seed: str) -> None:
        chance = random.Random(seed)
        self._scaled = scaled
        self._hpa = Hpa(scaled.behavior, max_replicas=max_replicas)
        self._sync = chance.randrange(SYNC_S)
        self._scrape = chance.randrange(scaled.scrape_s)
        self._series: dict[Signal, dict[str, list[tuple[float, float]]]] = {
            signal: defaultdict(list) for signal in Signal
        }

    def second(self, cluster: Cluster) -> None:
        now = round(cluster.now)
        if (now + self._scrape) % self._scaled.scrape_s == 0:
            self._tell(cluster, now)
        if (now + self._sync) % SYNC_S == 0:
            series = {signal: list(some.values()) for signal, some in self._series.items()}
            current = cluster.asked_for
            asked = max(
                external_replicas(one.value(series, now), current, one.threshold) for one in self._scaled.triggers
            )
            cluster.scale(self._hpa.scaled(current, asked, now))

    def _tell(self, cluster: Cluster, now: float) -> None:
        there = {one.name for one in cluster.replicas}
        self._series[Signal.ARRIVED]["ingress"].append((now, cluster.arrived))
        for one in cluster.replicas:
            if one.ready_at <= now:
                waiting = one.queued if cluster.service.tells_queue else 0.0
                self._series[Signal.COMPLETED][one.name].append((now, one.completed))
                self._series[Signal.UNDER_WAY][one.name].append((now, one.in_flight + waiting))
        for some in self._series.values():
            for name, points in list(some.items()):
                some[name] = [point for point in points if point[0] > now - KEPT_S]
                if not some[name] and name not in there:
                    del some[name]
