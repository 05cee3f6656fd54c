"""A service in simulation: replicas that queue, start, drain and are measured, in steps of STEP_S.

The model is fluid. What arrives in a step is an amount of work in requests, with the mean of the trace's rate and twice
the variance of a Poisson process, since requests differ in size as well. A replica works off what waits, in order, at
its capacity; so what arrives waits for the work before it, and in a steady state a replica behaves as an M/M/1 queue.
Every client keeps connections, which lead to a ready replica until they are renewed; so a new replica gets its share of
the load only with time, and one that ends keeps some until then. What would wait for longer than PATIENCE_S is refused.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scaler.spec import Objective

STEPS_PER_S = 5
STEP_S = 1 / STEPS_PER_S
PATIENCE_S = 5.0  # as timeout_s of scenarios
START_S = (8.0, 14.0)  # from creation until ready: scheduling, imports, and probes every 5 s
PENDING_S = 2.0  # of these, until its container runs
DRAIN_S = 10.0  # as helm/service has it: preStopSeconds and drainSeconds
DISPERSION = 2.0


@dataclass(frozen=True, slots=True)
class Service:
    """`cpu_s` and `service_s` are seconds of a request while nothing waits; `cores` are a replica's limit and request.

    `threads`: requests that a replica works on at once; None: an event loop. `tells_queue`: whether metrics have what
    waits for a thread. `renewed_s`: how long clients keep a connection. A replica is ready within `start_s`.
    """

    name: str
    cpu_s: float = 0.01
    service_s: float = 0.02
    cores: float = 1.0
    threads: int | None = None
    tells_queue: bool = True
    renewed_s: float = 5.0
    start_s: tuple[float, float] = START_S

    @property
    def capacity(self) -> float:
        """Requests per second that one replica completes at most."""
        return self.cores / self.cpu_s

    def carries(self, objective: Objective) -> float:
        """Requests per second with which one replica still keeps the objective, in a steady state.

        Of an M/M/1 queue with utilization u and capacity c, u·exp(-(1-u)·c·t) wait for longer than t.
        """
        wait_s = objective.latency_s - self.service_s
        low, high = 0.0, 1.0
        while high - low > 1e-6:
            middle = (low + high) / 2
            late = middle * math.exp(-(1 - middle) * self.capacity * wait_s)
            low, high = (middle, high) if late < 1 - objective.share else (low, middle)
        return low * self.capacity


SERVICES = (
    Service("threads", threads=4),
    Service("loop"),
    Service("hidden", threads=4, tells_queue=False),
    Service("pinned", renewed_s=30.0),
)


@dataclass(slots=True)
class Replica:
    """Times in seconds of the simulation; counters since its start. `waiting` is work that has not been done.

    `share` is that of all connections which lead to it.
    """

    name: str
    created: float
    ready_at: float
    ending_at: float = math.inf
    share: float = 0.0
    waiting: float = 0.0
    completed: float = 0.0
    slow: float = 0.0
    service_s: float = 0.0
    busy_s: float = 0.0
    cpu_s: float = 0.0
    in_flight: float = 0.0
    queued: float = 0.0

    def ready(self, now: float) -> bool:
        return self.ready_at <= now and self.ending_at == math.inf

    def pending(self, now: float) -> bool:
        return now < min(self.created + PENDING_S, self.ready_at)


class Cluster:
    """One service's replicas. `arrived` and `bad` count requests, `pod_seconds` all replicas until they have ended."""

    def __init__(self, service: Service, replicas: int, objective: Objective, seed: str) -> None:
        self.service = service
        self.asked_for = replicas
        self.arrived = 0.0
        self.bad = 0.0
        self.pod_seconds = 0.0
        self._wait_s = objective.latency_s - service.service_s
        self._chance = random.Random(seed)
        self._steps = 0
        self._number = 0
        self.replicas: list[Replica] = []
        for _ in range(replicas):
            self._create(ready_after_s=0.0)
            self.replicas[-1].share = 1 / replicas

    @property
    def now(self) -> float:
        return self._steps / STEPS_PER_S

    @property
    def ready(self) -> list[Replica]:
        return [one for one in self.replicas if one.ready(self.now)]

    @property
    def lasting(self) -> list[Replica]:
        """Those that are not ending."""
        return [one for one in self.replicas if one.ending_at == math.inf]

    def scale(self, replicas: int) -> None:
        """As a ReplicaSet: those that are not ready end first, then the youngest."""
        self.asked_for = replicas
        lasting = self.lasting
        for _ in range(replicas - len(lasting)):
            self._create(self._chance.uniform(*self.service.start_s))
        first = sorted(lasting, key=lambda one: (one.ready(self.now), -one.created))
        for one in first[: max(0, len(lasting) - replicas)]:
            if one.ready(self.now):
                one.ending_at = self.now + DRAIN_S
            else:
                self.replicas.remove(one)

    def step(self, amount: float) -> None:
        """`amount` of requests arrive within the next STEP_S."""
        self._renew_connections()
        served_most = self.service.capacity * STEP_S
        for one, arriving in self._spread(amount):
            before = one.waiting
            after = max(0.0, before + arriving - served_most)
            refused = max(0.0, after - self.service.capacity * PATIENCE_S)
            one.waiting = after - refused
            late = refused + (arriving - refused) * self._late(before, one.waiting)
            self._serve(one, before + arriving - after, late)
            self.bad += late
        self.arrived += amount
        self.pod_seconds += STEP_S * len(self.replicas)
        self._steps += 1
        self._end()

    def _create(self, ready_after_s: float) -> None:
        self._number += 1
        self.replicas.append(Replica(f"r{self._number}", self.now, self.now + ready_after_s))

    def _renew_connections(self) -> None:
        """Every ready replica draws towards an equal share, those that end towards none."""
        equal = 1 / len(self.ready)
        renewed = STEP_S / self.service.renewed_s
        for one in self.replicas:
            if one.ready_at <= self.now:
                one.share += ((equal if one.ending_at == math.inf else 0.0) - one.share) * renewed

    def _spread(self, amount: float) -> Iterator[tuple[Replica, float]]:
        """What each replica that has started gets: by its share of the connections, and by chance."""
        there = [one for one in self.replicas if one.ready_at <= self.now]
        drawn = [
            self._chance.gammavariate(one.share * amount / DISPERSION, 1.0) if one.share * amount > 1e-3 else 0.0
            for one in there
        ]
        whole = sum(drawn)
        for one, part in zip(there, drawn, strict=True):
            yield one, amount * part / whole if whole else 0.0
        for one in self.replicas:
            if one.ready_at > self.now >= one.created + PENDING_S:
                one.cpu_s += self.service.cores * STEP_S

    def _late(self, before: float, after: float) -> float:
        """The share of those that arrive in a step, in which what waits changes evenly, that wait for too long."""
        most = self._wait_s * self.service.capacity
        low, high = sorted((before, after))
        if high <= most:
            return 0.0
        return 1.0 if low >= most else (high - most) / (high - low)

    def _serve(self, one: Replica, served: float, late: float) -> None:
        service = self.service
        under_way = served / STEP_S * service.service_s + one.waiting
        one.in_flight = under_way if service.threads is None else min(under_way, service.threads)
        one.queued = under_way - one.in_flight
        one.completed += served
        one.slow += late
        one.service_s += one.in_flight * STEP_S
        one.cpu_s += served * service.cpu_s
        one.busy_s += served * service.cpu_s / service.cores if service.threads is None else one.in_flight * STEP_S

    def _end(self) -> None:
        """One that ends stays until it has done what waits; its connections go to the others."""
        self.replicas = [one for one in self.replicas if one.ending_at > self.now or one.waiting > 0]
        for one in self.replicas:
            if one.ending_at <= self.now:
                one.share = 0.0
        whole = sum(one.share for one in self.replicas)
        for one in self.replicas:
            one.share /= whole


def amounts(rates_per_s: Sequence[float], seed: str) -> Iterator[tuple[float, float]]:
    """For each step of a trace, which has a rate for each second, the rate and the amount that arrives by chance."""
    chance = random.Random(seed)
    for rate in rates_per_s:
        for _ in range(STEPS_PER_S):
            mean = rate * STEP_S
            yield rate, DISPERSION * chance.gammavariate(mean / DISPERSION, 1.0) if mean else 0.0
