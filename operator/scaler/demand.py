"""What a service needs, rule by rule, from what its replicas have told. Pure.

One replica's capacity is the rate that it completes while it has more to do than it can; until that was seen, the
smaller of its concurrency over the time of a request and its CPU over the CPU time of a request. Needed is what carries
all that arrives, and works off what waits, at a share of that capacity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from scaler.samples import Flow, Sample, average, merged
from scaler.spec import Spec

ENOUGH_COMPLETED = 100  # a capacity that was seen is the latest that rests on so many requests
LEAST_COMPLETED = 20  # fewer say nothing of it: chance alone would move it by a quarter
PINNED_SHARE = 0.25  # of the replicas are less than half used, while others are full
CPU_IDLE_SHARE = 0.5  # who uses less waits for something else
RECENT_S = 10.0  # what a service does: two looks, so that no odd one decides; as long, new replicas work off what waits
CEILING_SHARE = 0.5
CEILING_GROWTH = 2.0
CPU_CORES = 1.0


class Rule(StrEnum):
    THROUGHPUT = "Throughput"
    CONCURRENCY = "Concurrency"
    CEILING = "Ceiling"


@dataclass(frozen=True, slots=True)
class Observed:
    """What there is: `replicas` asked for, names of those that are `ready`, and what these told.

    `conflict` names another autoscaler of the same target, empty where there is none; `cpu_limit` is one replica's, in
    cores. `unschedulable` and `crashing` count replicas that will not serve soon.
    """

    replicas: int
    ready: frozenset[str]
    samples: Sequence[Sample] = ()
    cpu_limit: float | None = None
    unschedulable: int = 0
    crashing: int = 0
    rolling_out: bool = False
    conflict: str = ""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What one rule asks for, exactly and in whole replicas, and the figures that it comes from."""

    rule: Rule
    need: float
    inputs: Mapping[str, float]

    @property
    def replicas(self) -> int:
        return whole(self.need)


@dataclass(frozen=True, slots=True)
class Raised:
    """When replicas were added: how many were ready, and what they completed per second together."""

    ready: int
    completed: float


@dataclass(frozen=True, slots=True)
class State:
    """What a decision remembers of those before it; the first one's is `State()`. Times are of the caller's clock."""

    at: float = -math.inf
    since: float = math.inf  # since when replicas have told without a gap
    last: Mapping[str, Sample] = field(default_factory=dict)
    first: Mapping[str, float] = field(default_factory=dict)  # when each of them told for the first time
    flows: tuple[Flow, ...] = ()
    needs: tuple[tuple[float, float], ...] = ()  # (when, need): each the most that was needed since the one before
    raised: Raised | None = None
    ready: frozenset[str] = frozenset()
    ready_since: float = -math.inf


def recommendations(
    spec: Spec, observed: Observed, state: State, now: float, longest_s: float
) -> tuple[Recommendation, ...]:
    """What each rule asks for that has what it needs, the largest first: of the short window or one of `longest_s`."""
    recent = recent_flow(spec, state, now)
    if recent is None:
        return ()
    windows = [merged(state.flows, now - each) or recent for each in (spec.behavior.short_window_s, longest_s)]
    serving = len(observed.ready) >= observed.replicas
    settled = serving and now >= state.ready_since + RECENT_S
    waiting = 0.0 if observed.rolling_out or pinned(state.flows[-1]) else _waiting(spec, state, recent)
    drain_s = spec.behavior.drain_s if settled else max(spec.behavior.drain_s, RECENT_S)
    found = [_throughput(spec, observed, state, max(one.arrivals for one in windows), waiting, drain_s, now)]
    if spec.target.concurrency:
        under_way = max(one.in_flight + one.queued for one in windows)
        inputs = {"underWay": under_way, "target": spec.target.concurrency}
        found.append(Recommendation(Rule.CONCURRENCY, under_way / spec.target.concurrency, inputs))
    if recent.ceiling >= CEILING_SHARE and serving and not observed.rolling_out:
        inputs = {"inFlight": recent.in_flight, "ready": float(len(state.ready))}
        found.append(Recommendation(Rule.CEILING, math.ceil(CEILING_GROWTH * len(state.ready)), inputs))
    return tuple(sorted((one for one in found if one), key=lambda one: -one.need))


def _throughput(
    spec: Spec, observed: Observed, state: State, arrivals: float, waiting: float, drain_s: float, now: float
) -> Recommendation | None:
    capacity = _capacity(spec, observed, state, now)
    if capacity is None:
        return None if arrivals else Recommendation(Rule.THROUGHPUT, 0.0, {"arrivals": 0.0, "waiting": 0.0})
    need = (arrivals + waiting / drain_s) / (capacity * spec.target.utilization)
    return Recommendation(Rule.THROUGHPUT, need, {"arrivals": arrivals, "waiting": waiting, "capacity": capacity})


def _capacity(spec: Spec, observed: Observed, state: State, now: float) -> float | None:
    """Requests per second that one replica completes at most; None where nothing tells it."""
    completed, seconds = 0.0, 0.0
    for one in reversed(state.flows):
        if completed >= ENOUGH_COMPLETED and one.at <= now - RECENT_S:
            break
        completed += one.full_completed
        seconds += one.full_seconds
    if completed >= LEAST_COMPLETED:
        return completed / seconds
    known = merged(state.flows, now - spec.behavior.long_window_s)
    if known is None:
        return None
    limits = ((known.concurrency, known.service_s), (cores(spec, observed), known.cpu_s))
    return min((limit / each for limit, each in limits if limit and each), default=None)


def _waiting(spec: Spec, state: State, recent: Flow) -> float:
    """What queues now; of full replicas that take on anything, also what is more than is under way otherwise.

    That is as long as the objective allows, or as requests take while no replica is full. What gets less is being
    worked off: a queue is its replica's own, and others can't help with it.
    """
    last = state.flows[-1]
    if any(last.in_flight + last.queued < one.in_flight + one.queued for one in state.flows[-2:-1]):
        return 0.0
    if recent.concurrency is not None or not recent.full:
        return last.queued
    usual_s = average((one for one in state.flows if not one.full), "service_s") or 0.0
    return last.queued + max(0.0, last.in_flight - recent.completed * max(usual_s, spec.objective.latency_s))


def recent_flow(spec: Spec, state: State, now: float) -> Flow | None:
    """Or else the last that is known, where looks are rarer."""
    since = now - spec.behavior.stale_s
    return merged(state.flows, now - RECENT_S) or next((one for one in state.flows[-1:] if one.at > since), None)


def pinned(last: Flow) -> bool:
    """At one time; over a longer one, a step looks the same."""
    return last.full > 0 and last.idle >= PINNED_SHARE


def cores(spec: Spec, observed: Observed) -> float:
    """Cores that one replica can use."""
    return spec.target.cpu or min(observed.cpu_limit or CPU_CORES, CPU_CORES)


def cpu_idle(spec: Spec, observed: Observed, recent: Flow) -> bool:
    return recent.cpu_cores is not None and recent.cpu_cores < CPU_IDLE_SHARE * cores(spec, observed)


def whole(need: float) -> int:
    return math.ceil(round(need, 6))


def rate(per_s: float) -> str:
    return f"{per_s:.3g} a second"


def because(spec: Spec, asked: Recommendation) -> str:
    inputs = asked.inputs
    if asked.rule is Rule.CONCURRENCY:
        return f"{inputs['underWay']:.0f} requests are under way, one replica is to carry {inputs['target']:g}"
    if asked.rule is Rule.CEILING:
        return f"all {inputs['ready']:.0f} replicas work on as much as they can, and what waits is not told"
    if "capacity" not in inputs:
        return "nothing arrives"
    waiting = f" and {inputs['waiting']:.0f} wait" if inputs["waiting"] >= 1 else ""
    carries = rate(inputs["capacity"] * spec.target.utilization)
    return f"{rate(inputs['arrivals'])} arrive{waiting}, one replica carries {carries}"
