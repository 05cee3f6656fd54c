"""How a service does, from two looks at all of its replicas: what `lab watch` shows. Pure: times are in the looks.

CPU and memory are of a replica's whole process tree where a runtime tells them, else those that it exports. A replica
counts towards rates from its second look on; one that is gone counts no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.core.conventions import (
    ACTIVE,
    BUSY,
    CPU,
    DURATION,
    MEMORY,
    QUEUE_LENGTH,
    SPANS_EXPORTED,
    SPANS_PROCESSED,
    WORKERS,
    Label,
)
from lab.core.deployment import Usage
from lab.core.exposition import Exposition, Series, Values, quantile, total
from lab.core.telemetry import Mode

SPANS = (SPANS_PROCESSED, SPANS_EXPORTED)
STUCK_AFTER_S = 1.5  # looks are 2 s apart unless asked otherwise, of which reading may take half a second


@dataclass(frozen=True, slots=True)
class ReplicaLook:
    """One replica: its `usage` at `used_at_s`, its `metrics` at `scraped_at_s`; None where they could not be had."""

    replica: str
    ready: bool
    used_at_s: float = 0.0
    usage: Usage | None = None
    scraped_at_s: float = 0.0
    metrics: Exposition | None = None


@dataclass(frozen=True, slots=True)
class ServiceLook:
    """`decision` is the last of its autoscaler, in a sentence; empty where it has none."""

    name: str
    variant: str
    role: str
    telemetry: Mode
    replicas: tuple[ReplicaLook, ...]
    decision: str = ""


class State(StrEnum):
    SERVING = "serving"
    NO_TRAFFIC = "no traffic"  # nobody asked
    BROKEN = "broken"  # nothing was answered, and `problems` say why
    UNKNOWN = "unknown"  # one look only, or telemetry is off, or what waits may only be slow


@dataclass(frozen=True, slots=True)
class Figures:
    """Over the time between two looks, sums over replicas; None is not known, or not defined without traffic.

    `queued` are connections that the kernel holds and requests that wait for a thread. `dropped_spans` were lost
    between the looks. `problems` are sentences without the service's name.
    """

    ready: int
    replicas: int
    state: State
    problems: tuple[str, ...]
    rate_per_s: float | None
    error_share: float | None
    p50_s: float | None
    p99_s: float | None
    in_flight: float | None
    queued: float | None
    busy_share: float | None
    cpu_cores: float | None
    memory_bytes: float | None
    dropped_spans: float | None


@dataclass(frozen=True, slots=True)
class _Growth:
    """What one replica's metrics grew by over `seconds`."""

    seconds: float
    grown: Values
    workers: float | None

    def per_s(self, name: str) -> float | None:
        grown = total(self.grown, name)
        return None if grown is None else grown / self.seconds


def figures(before: ServiceLook | None, now: ServiceLook) -> Figures:
    """`before` is None where there was no look at the service yet."""
    earlier = {look.replica: look for look in before.replicas} if before else {}
    pairs = [(earlier[look.replica], look) for look in now.replicas if look.replica in earlier]
    growths = [growth for pair in pairs if (growth := _growth(*pair))]
    rate_per_s = _sum(growth.per_s(f"{DURATION.name}_count") for growth in growths)
    answered = _grown(growths, f"{DURATION.name}_count")
    failed = _sum(total(growth.grown, f"{DURATION.name}_count", _is_server_error) for growth in growths)
    queued = _gauge(now.replicas, QUEUE_LENGTH.name)
    queued_before = _gauge(before.replicas, QUEUE_LENGTH.name) if before else None
    problems = _problems(now)
    state = _state(rate_per_s, problems)
    if rate_per_s == 0 and queued and queued_before:
        seconds = max(growth.seconds for growth in growths)
        stuck = queued >= queued_before and seconds >= STUCK_AFTER_S
        state = State.BROKEN if problems or stuck else State.UNKNOWN
        problems.append(f"{queued:g} wait in its queues, and nothing was completed in the last {seconds:.1f} s")
    durations = [growth.grown for growth in growths]
    return Figures(
        ready=sum(look.ready for look in now.replicas),
        replicas=len(now.replicas),
        state=state,
        problems=tuple(problems),
        rate_per_s=rate_per_s,
        error_share=failed / answered if failed is not None and answered else None,
        p50_s=quantile(0.5, durations, DURATION.name),
        p99_s=quantile(0.99, durations, DURATION.name),
        in_flight=_gauge(now.replicas, ACTIVE.name),
        queued=queued,
        busy_share=_busy_share(growths),
        cpu_cores=_sum(_cpu_cores(*pair) for pair in pairs),
        memory_bytes=_sum(_memory_bytes(look) for look in now.replicas),
        dropped_spans=_sum(total(growth.grown, metric.name, _is_error) for growth in growths for metric in SPANS),
    )


def _growth(before: ReplicaLook, now: ReplicaLook) -> _Growth | None:
    if not before.metrics or not now.metrics:
        return None
    grown = now.metrics.grown(before.metrics)
    return _Growth(now.scraped_at_s - before.scraped_at_s, grown, total(now.metrics.gauges, WORKERS.name))


def _state(rate_per_s: float | None, problems: Sequence[str]) -> State:
    if rate_per_s:
        return State.SERVING
    if problems:
        return State.BROKEN
    return State.UNKNOWN if rate_per_s is None else State.NO_TRAFFIC


def _problems(now: ServiceLook) -> list[str]:
    problems = [f"{look.replica} is not ready" for look in now.replicas if not look.ready]
    if now.telemetry is not Mode.OFF:
        problems += [
            f"the metrics of {look.replica} cannot be read" for look in now.replicas if look.ready and not look.metrics
        ]
    return problems


def _cpu_cores(before: ReplicaLook, now: ReplicaLook) -> float | None:
    if before.usage and now.usage:
        used_s = now.usage.cpu_s - before.usage.cpu_s
        if used_s < 0:  # another process tree
            used_s = now.usage.cpu_s
        return used_s / (now.used_at_s - before.used_at_s)
    growth = _growth(before, now)
    return growth.per_s(CPU.name) if growth else None


def _memory_bytes(look: ReplicaLook) -> float | None:
    if look.usage:
        return look.usage.memory_bytes
    return total(look.metrics.gauges, MEMORY.name) if look.metrics else None


def _busy_share(growths: Iterable[_Growth]) -> float | None:
    busy_s = available_s = 0.0
    for growth in growths:
        grown_s = total(growth.grown, BUSY.name)
        if grown_s is not None and growth.workers:
            busy_s += grown_s
            available_s += growth.workers * growth.seconds
    return busy_s / available_s if available_s else None


def _grown(growths: Iterable[_Growth], name: str) -> float | None:
    return _sum(total(growth.grown, name) for growth in growths)


def _gauge(looks: Iterable[ReplicaLook], name: str) -> float | None:
    return _sum(total(look.metrics.gauges, name) for look in looks if look.metrics)


def _sum(values: Iterable[float | None]) -> float | None:
    """Of those that are known; None when none is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _is_server_error(series: Series) -> bool:
    return series.label(Label.STATUS).startswith("5")


def _is_error(series: Series) -> bool:
    return bool(series.label(Label.ERROR))
