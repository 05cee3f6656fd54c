"""One trial: one variant under one load for a time. It ends ok or void with reasons, never silently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from lab.core.autoscaling import Size
from lab.core.deployment import Usage
from lab.core.measurement import Measurement


@dataclass(frozen=True, slots=True)
class ReplicaShare:
    """What one replica took of a trial.

    `client_requests` are those of the load generator, not of other services; None where no connection was seen.
    `requests` are all that it counted itself; None without metrics.
    """

    service: str
    replica: str
    cpu_s: float
    memory_bytes: int
    client_requests: int | None
    requests: int | None = None


class Part(StrEnum):
    """What of a run a trial belongs to."""

    CLIMB = "climb"
    COMMON_RATE = "common rate"  # a rung at which others are compared, of an arm whose climb left it out
    BESIDE = "beside"
    HALF_LOAD = "half load"
    EXPERIMENT = "experiment"


@dataclass(frozen=True, slots=True)
class Trial:
    """`variant` is the name of the arm; `step` the rung of a climb or the repeat at half load or of an experiment,
    counted from 0, or the level of the workload that others were beside.

    `void` are the reasons not to believe it, `missed` why the objective was not held; both empty: held.

    `lost_spans` were dropped by replicas, or could not be sent. `case` and `figures` (`lab.core.figures`) are those of
    an experiment; `sizes` are how many replicas it had, from the load's begin, where they were watched.

    `limited_by_generator`: every reason of `void` says that the load generator, not the service, was the limit.
    """

    variant: str
    part: Part
    step: int
    rate_per_s: float
    measurement: Measurement
    replicas: tuple[ReplicaShare, ...]
    void: tuple[str, ...]
    limited_by_generator: bool
    missed: tuple[str, ...]
    lost_spans: int = 0
    case: str = ""
    figures: Mapping[str, float | None] = field(default_factory=dict)
    sizes: tuple[Size, ...] = ()

    @property
    def held(self) -> bool:
        return not self.void and not self.missed

    @property
    def cpu_s_per_request(self) -> float | None:
        answered = self.measurement.answered
        return sum(share.cpu_s for share in self.replicas) / answered if answered else None

    @property
    def memory_bytes(self) -> int:
        return sum(share.memory_bytes for share in self.replicas)

    def document(self) -> dict[str, Any]:
        """For `trials.jsonl`: plain JSON values."""
        m = self.measurement
        return {
            "variant": self.variant,
            "part": self.part.value,
            "step": self.step,
            "case": self.case,
            "figures": dict(self.figures),
            "rate_per_s": self.rate_per_s,
            "status": "void" if self.void else "ok",
            "void": list(self.void),
            "missed": list(self.missed),
            "lost_spans": self.lost_spans,
            "duration_s": m.duration_s,
            "scheduled": m.scheduled,
            "answered": m.answered,
            "errors": dict(m.errors),
            "retried": m.retried,
            "latency_ms": dict(m.latency_ms),
            "latency_histogram": m.latency_histogram,
            "schedule_lag_p99_s": m.schedule_lag_p99_s,
            "generator_cpu_share": m.generator_cpu_share,
            "steal_share": m.steal_share,
            "beside": asdict(m.beside) if m.beside else None,
            "streams": asdict(m.streams) if m.streams else None,
            "seconds": [asdict(second) for second in m.seconds],
            "sizes": [asdict(size) for size in self.sizes],
            "replicas": [
                {
                    "service": share.service,
                    "replica": share.replica,
                    "cpu_s": share.cpu_s,
                    "memory_bytes": share.memory_bytes,
                    "client_requests": share.client_requests,
                    "requests": share.requests,
                }
                for share in self.replicas
            ],
        }


def shares(
    service: str,
    before: Sequence[Usage],
    during: Sequence[Sequence[Usage]],
    requests_by_connection: Mapping[int, int],
) -> tuple[ReplicaShare, ...]:
    """What each replica used between `before` and the last sample of `during`; memory is the largest seen.

    Requests are told apart by the remote ports seen on each replica's connections.
    """
    result = []
    for start in before:
        samples = [usage for sample in during for usage in sample if usage.replica == start.replica]
        last = samples[-1] if samples else start
        clients = frozenset[int]().union(*(usage.clients for usage in samples))
        seen = [count for port, count in requests_by_connection.items() if port in clients]
        result.append(
            ReplicaShare(
                service=service,
                replica=start.replica,
                cpu_s=last.cpu_s - start.cpu_s,
                memory_bytes=max([start.memory_bytes, *(usage.memory_bytes for usage in samples)]),
                client_requests=sum(seen) if clients else None,
            )
        )
    return tuple(result)


def replaced(before: Sequence[Usage], after: Sequence[Usage]) -> tuple[str, ...]:
    """Void reasons: replicas that ended, restarted or changed a process between two samples."""
    now = {usage.replica: usage for usage in after}
    reasons = []
    for start in before:
        end = now.get(start.replica)
        if end is None or not end.alive:
            reasons.append(f"replica {start.replica} ended")
        elif end.pids != start.pids:
            reasons.append(f"replica {start.replica} changed its processes from {start.pids} to {end.pids}")
    return tuple(reasons)
