"""What flows through a service, from what each of its replicas tells: counters and gauges in, rates out. Pure.

Flow balance: what arrives in a time is what was completed in it and what more is under way at its end than at its
begin (Little's law is its long-run form). So a queue that grows counts as load, whatever was completed meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

# Of its CPU or of its workers' time. Full is who used nearly all of it, or most of it while requests waited at both
# ends of the time: at half load, something waits at both by chance alone.
FULL_SHARE = 0.95
BUSY_SHARE = 0.8
IDLE_SHARE = 0.5
APART_S = 0.1  # looks that are closer are one: the clock of who took them is not known better
WARM_AFTER_S = 10.0  # a replica's first seconds (imports, empty caches) say nothing of its capacity


@dataclass(frozen=True, slots=True)
class Sample:
    """What one replica told at one time, in seconds of one clock. None is not told; `_s` counters are seconds.

    `completed`, `failed` (5xx), `slow` (beyond the objective's latency), `service_s` (time of completed requests in the
    application), `cpu_s` and `busy_s` are counters since its start; the others are as they are at the time.
    `queued` waits before the application. `concurrency` is how many requests it works on at once at most, where that is
    limited.
    """

    replica: str
    at: float
    in_flight: float
    completed: float
    failed: float = 0.0
    slow: float | None = None
    service_s: float | None = None
    queued: float | None = None
    concurrency: float | None = None
    workers: float | None = None
    busy_s: float | None = None
    cpu_s: float | None = None

    def sound(self) -> bool:
        """Whether every number of it is one that a replica can tell."""
        numbers = (getattr(self, field.name) for field in fields(self) if field.name != "replica")
        return all(number is None or (math.isfinite(number) and number >= 0) for number in numbers)


@dataclass(frozen=True, slots=True)
class Flow:
    """What flowed through a service over `seconds` before `at`; rates per second, sums over its replicas.

    Where some replicas told nothing, rates and counts are scaled up to all that are ready. `slow`, `service_s` and
    `cpu_s` are per completed request, `cpu_cores` of one replica; None where not told. `full_completed` requests were
    done in `full_seconds` by replicas that had more to do than they could. `full`, `idle` and `ceiling` are shares of
    the replicas: full ones, those that are less than half used, and those that work on as much as they can while nobody
    tells what waits.
    """

    at: float
    seconds: float
    arrivals: float
    completed: float
    failed: float
    slow: float | None
    service_s: float | None
    cpu_s: float | None
    cpu_cores: float | None
    in_flight: float
    queued: float
    concurrency: float | None
    full_completed: float
    full_seconds: float
    full: float
    idle: float
    ceiling: float


@dataclass(frozen=True, slots=True)
class _Growth:
    """One replica between two samples; rates per second. `used` is the share of its time or CPU, where told."""

    now: Sample
    seconds: float
    arrivals: float
    completed: float
    failed: float
    slow: float | None
    service_s: float | None
    cpu_cores: float | None
    used: float | None
    full: bool


def fresh(before: Mapping[str, Sample], samples: Iterable[Sample], now: float, stale_s: float) -> list[Sample]:
    """Those that say something new: sound, later than the replica's last, neither stale nor of a time to come."""
    latest: dict[str, Sample] = {}
    for sample in samples:
        last = latest.get(sample.replica) or before.get(sample.replica)
        later = last is None or sample.at > last.at + APART_S
        if sample.sound() and later and now - stale_s <= sample.at <= now + 1:
            latest[sample.replica] = sample
    return list(latest.values())


@dataclass(frozen=True, slots=True)
class Replicas:
    """`ready` are all who could tell. Of them `warm` have long told, and `joined` were not ready at `looked_at`.

    `cpu` is the cores that each can use.
    """

    ready: frozenset[str]
    warm: frozenset[str]
    joined: frozenset[str]
    looked_at: float
    cpu: float


def flow(before: Mapping[str, Sample], samples: Sequence[Sample], replicas: Replicas, now: float) -> Flow | None:
    """Between each replica's last sample and this one. None when no replica has both."""
    growths = [_growth(before[sample.replica], sample, replicas.cpu) for sample in samples if sample.replica in before]
    if not growths:
        return None
    scale = max(len(replicas.ready), len(samples)) / len(samples)
    most = max(growth.arrivals for growth in growths)
    joined = [_joined(sample, replicas.looked_at, most) for sample in samples if sample.replica in replicas.joined]
    completed = sum(growth.completed for growth in growths)
    full = [growth for growth in growths if growth.full and growth.now.replica in replicas.warm]
    limits = [sample.concurrency for sample in samples if sample.concurrency is not None]
    known = len(growths)
    return Flow(
        at=now,
        seconds=sum(growth.seconds for growth in growths) / known,
        arrivals=scale * (sum(growth.arrivals for growth in growths) + sum(joined)),
        completed=scale * completed,
        failed=scale * sum(growth.failed for growth in growths),
        slow=_each(growths, "slow", completed),
        service_s=_each(growths, "service_s", completed),
        cpu_s=_each(growths, "cpu_cores", completed),
        cpu_cores=_mean(growths, "cpu_cores"),
        in_flight=scale * sum(sample.in_flight for sample in samples),
        queued=scale * sum(sample.queued or 0.0 for sample in samples),
        concurrency=sum(limits) / len(limits) if limits else None,
        full_completed=sum(growth.completed * growth.seconds for growth in full),
        full_seconds=sum(growth.seconds for growth in full),
        full=sum(growth.full for growth in growths) / known,
        idle=sum(growth.used is not None and growth.used < IDLE_SHARE for growth in growths) / known,
        ceiling=sum(_at_ceiling(growth.now) for growth in growths) / known,
    )


def merged(flows: Sequence[Flow], since: float) -> Flow | None:
    """The flows after `since` as one: averages over their time, what was full as sums; None where there is none.

    A flow is of the time in its middle, so that a look that is a little early or late moves none into another window.
    """
    some = [flow for flow in flows if flow.at - flow.seconds / 2 > since]
    if not some:
        return None
    averages = {name: average(some, name) for name in _AVERAGED}
    return replace(
        some[-1],
        seconds=sum(flow.seconds for flow in some),
        full_completed=sum(flow.full_completed for flow in some),
        full_seconds=sum(flow.full_seconds for flow in some),
        **averages,  # type: ignore[arg-type]  # of floats or None, as they are in each flow
    )


def average(flows: Iterable[Flow], name: str) -> float | None:
    """Weighted by their time, of those that tell it; None where none does."""
    told = [(flow.seconds, value) for flow in flows if (value := getattr(flow, name)) is not None]
    weight = sum(seconds for seconds, _ in told)
    return sum(seconds * value for seconds, value in told) / weight if weight else None


_AVERAGED = [
    field.name for field in fields(Flow) if field.name not in ("at", "seconds", "full_completed", "full_seconds")
]


def _joined(sample: Sample, looked_at: float, most: float) -> float:
    """What arrived at a replica since it joined; no more than at any other, should it have been there before."""
    arrived = sample.completed + sample.in_flight + (sample.queued or 0.0)
    return min(most, arrived / (sample.at - looked_at)) if sample.at > looked_at else 0.0


def _growth(before: Sample, now: Sample, cpu: float) -> _Growth:
    seconds = now.at - before.at
    restarted = now.completed < before.completed
    start = Sample(before.replica, before.at, 0.0, 0.0) if restarted else before
    completed = (now.completed - start.completed) / seconds
    under_way = now.in_flight + (now.queued or 0.0) - start.in_flight - (start.queued or 0.0)
    cpu_cores = _rate(start.cpu_s, now.cpu_s, seconds, restarted)
    busy = _rate(start.busy_s, now.busy_s, seconds, restarted)
    of_workers = busy / now.workers if busy is not None and now.workers else None
    used = max((share for share in (of_workers, cpu_cores and cpu_cores / cpu) if share is not None), default=None)
    waited = all((sample.queued or 0.0) > 0 for sample in (start, now))
    return _Growth(
        now=now,
        seconds=seconds,
        arrivals=max(0.0, completed + under_way / seconds),
        completed=completed,
        failed=_rate(start.failed, now.failed, seconds, restarted) or 0.0,
        slow=_rate(start.slow, now.slow, seconds, restarted),
        service_s=_rate(start.service_s, now.service_s, seconds, restarted),
        cpu_cores=cpu_cores,
        used=used,
        full=(waited and (used is None or used >= BUSY_SHARE)) or (used is not None and used >= FULL_SHARE),
    )


def _rate(before: float | None, now: float | None, seconds: float, restarted: bool) -> float | None:
    """A counter that went down began again at 0."""
    if now is None or (before is None and not restarted):
        return None
    start = before if before is not None and before <= now else 0.0
    return (now - start) / seconds


def _at_ceiling(sample: Sample) -> bool:
    return sample.queued is None and sample.concurrency is not None and sample.in_flight >= sample.concurrency


def _each(growths: Sequence[_Growth], name: str, completed: float) -> float | None:
    """Per completed request, were all replicas like those that tell it."""
    told = _mean(growths, name)
    return told * len(growths) / completed if told is not None and completed else None


def _mean(growths: Sequence[_Growth], name: str) -> float | None:
    """Of the replicas that tell it."""
    known = [value for growth in growths if (value := getattr(growth, name)) is not None]
    return sum(known) / len(known) if known else None
