"""What one trial's load measured, whether it may be believed, and whether it held its SLO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.core.scenario import Slo

GENERATOR_CPU_SHARE_MAX = 0.70
SCHEDULE_LAG_SLO_SHARE_MAX = 0.05
STEAL_SHARE_MAX = 0.02
BACKLOG_SHARE_MAX = 0.10  # of the schedule's time that answers may still take after it


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of some of a trial's requests; members as in Measurement."""

    rate_per_s: float
    scheduled: int
    answered: int
    errors: Mapping[str, int]
    retried: int
    latency_ms: Mapping[str, float]
    latency_histogram: str


@dataclass(frozen=True, slots=True)
class StreamsSeen:
    """What became of the streams that a trial opened before its requests.

    `held` were open from the first event to the end of the trial, `refused` were answered 503 with Retry-After, which
    is part of the contract; `errors` has the others by kind (`ended early`, `status 500`, ...). `event_delay_ms` (p50,
    p99, max) is from sending a change to the arrival of its event, on each of the streams that were told: `events`;
    None where none was, and then `event_delay_histogram` (as a Measurement's) is empty.
    """

    wanted: int
    held: int
    refused: int
    errors: Mapping[str, int]
    events: int
    event_delay_ms: Mapping[str, float] | None
    event_delay_histogram: str = ""


@dataclass(frozen=True, slots=True)
class Second:
    """Of the requests that were due in one second: `slow` were answered right, but later than the objective's p99."""

    scheduled: int = 0
    failed: int = 0
    slow: int = 0


@dataclass(frozen=True, slots=True)
class Measurement:
    """Latencies count from the scheduled time; failed requests are in the histogram with the time they took.

    `duration_s` is until the last answer, at least the schedule's time. `answered` counts right answers, `errors` the
    others by kind (`status 503`, `timeout`, `connection refused`, `wrong body`, ...). `latency_ms` has p50, p90, p99,
    p99.9 and max; `latency_histogram` is an HDR histogram of microseconds in its base64 wire form.
    `requests_by_connection` counts answers by the client's local port, to which the second of several workers adds
    65,536, the third twice that; `schedule_lag_p99_s` is how late requests left, `generator_cpu_share` is of one core
    and `steal_share` of the whole machine. `seconds` are from the start to the last in which a request was due. All
    that is counted is of the workload, but for the requests `beside` it.
    """

    rate_per_s: float
    duration_s: float
    scheduled: int
    answered: int
    errors: Mapping[str, int]
    retried: int
    latency_ms: Mapping[str, float]
    latency_histogram: str
    schedule_lag_p99_s: float
    generator_cpu_share: float
    steal_share: float
    requests_by_connection: Mapping[int, int]
    beside: Answers | None = None
    streams: StreamsSeen | None = None
    seconds: tuple[Second, ...] = ()


def void_reasons(measurement: Measurement, slo: Slo) -> tuple[str, ...]:
    """Why the load can't be believed, with figures; empty when it can."""
    return (*_generator_reasons(measurement, slo), *_steal_reasons(measurement))


def generator_limited(measurement: Measurement, slo: Slo) -> bool:
    """Whether the load is void for no other reason than that the generator reached its limit.

    Requests that left late while the machine was stolen say nothing of the generator.
    """
    return bool(_generator_reasons(measurement, slo)) and not _steal_reasons(measurement)


def missed_objectives(measurement: Measurement, slo: Slo) -> tuple[str, ...]:
    """Why the service did not hold its SLO at this rate; empty when it did."""
    reasons = _missed(measurement, slo)
    if measurement.beside:
        reasons += [f"beside the workload {reason}" for reason in _missed(measurement.beside, slo)]
    if measurement.streams and measurement.streams.errors:
        reasons.append(f"streams failed: {kinds(measurement.streams.errors)}")
    if measurement.rate_per_s and _fell_behind(measurement):
        answered_per_s = measurement.answered / measurement.duration_s
        reasons.append(f"answered {answered_per_s:.1f} of {measurement.rate_per_s:.1f} requests per second")
    return tuple(reasons)


def _missed(answers: Answers | Measurement, slo: Slo) -> list[str]:
    reasons = []
    p99_ms = answers.latency_ms["p99"]
    if p99_ms > slo.p99_ms:
        reasons.append(f"p99 was {p99_ms:.1f} ms, above {slo.p99_ms:g} ms")
    error_share = sum(answers.errors.values()) / answers.scheduled if answers.scheduled else 0.0
    if error_share > slo.error_share:
        reasons.append(f"{error_share:.2%} of requests failed, above {slo.error_share:.2%}: {kinds(answers.errors)}")
    return reasons


def kinds(errors: Mapping[str, int]) -> str:
    """Errors in words."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(errors.items()))


def _generator_reasons(measurement: Measurement, slo: Slo) -> list[str]:
    reasons = []
    cpu_share, lag_ms = measurement.generator_cpu_share, measurement.schedule_lag_p99_s * 1000
    lag_max_ms = SCHEDULE_LAG_SLO_SHARE_MAX * slo.p99_ms
    if cpu_share > GENERATOR_CPU_SHARE_MAX:
        reasons.append(f"the load generator used {cpu_share:.0%} of its core, above {GENERATOR_CPU_SHARE_MAX:.0%}")
    if lag_ms > lag_max_ms:
        share = f"{SCHEDULE_LAG_SLO_SHARE_MAX:.0%} of the SLO"
        reasons.append(f"requests left late: p99 of {lag_ms:.1f} ms, above {lag_max_ms:.1f} ms ({share})")
    return reasons


def _steal_reasons(measurement: Measurement) -> list[str]:
    if measurement.steal_share <= STEAL_SHARE_MAX:
        return []
    return [f"steal time was {measurement.steal_share:.1%} of the machine, above {STEAL_SHARE_MAX:.0%}"]


def _fell_behind(measurement: Measurement) -> bool:
    """Whether a backlog grew: answers came long after the schedule's end, and not just the last few were slow."""
    scheduled_s = measurement.scheduled / measurement.rate_per_s
    backlog_s = min(measurement.duration_s - scheduled_s, measurement.latency_ms["p90"] / 1000)
    return backlog_s > BACKLOG_SHARE_MAX * scheduled_s
