"""What each kind of experiment measures, and how it follows from what was seen. Pure.

A figure is None where it is not known. `recovery_s` counts from the moment at which something was asked to happen, to
the first second from which every window of `WINDOW_S` seconds keeps the objective: at most its share of the requests
that were due failed, and at most 1 in 100 were slow. It is 0 where every window did, and None where the last did not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.core.deployment import Start, Throttling, Usage
from lab.core.experiment import Kind
from lab.core.measurement import Measurement, Second
from lab.core.scenario import Slo

WINDOW_S = 5
SLOW_SHARE_MAX = 0.01  # so the p99 keeps the objective
LATE_S = 30  # after a step of the load, when whoever scales should have done it

Figures = Mapping[str, float | None]


class Unit(StrEnum):
    REQUESTS = "requests"
    SECONDS = "s"
    MILLISECONDS = "ms"
    BYTES = "bytes"
    CORES = "cores"
    SHARE = "share"
    COUNT = "count"
    POD_SECONDS = "pod-s"


class Combined(StrEnum):
    """How repeats become one figure."""

    SUM = "sum"
    MEDIAN = "median"  # the lower one of two: what disturbs a repeat only adds


@dataclass(frozen=True, slots=True)
class Figure:
    """`heading` is for a table; in `phrase`, for a sentence, `{}` stands for the figure with its unit.

    `open_ended` says what a repeat without this figure means where it lasted longer than could be seen; elsewhere it is
    empty, and the figure not known.
    """

    name: str
    unit: Unit
    heading: str
    phrase: str
    combined: Combined = Combined.MEDIAN
    open_ended: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """Held when no request failed and at most `retried_share` were sent again, of enough requests and repeats."""

    retried_share: float
    requests: int
    repeats: int


class Verdict(StrEnum):
    HELD = "held"
    MISSED = "missed"
    TOO_FEW = "too few"


@dataclass(frozen=True, slots=True)
class Measures:
    """Of one kind. In `title`, `{replicas}`, `{rate}`, `{peak}` and `{most}` stand for what the scenario says."""

    title: str
    figures: tuple[Figure, ...]
    goal: Goal | None = None


def _count(name: str, heading: str = "") -> Figure:
    return Figure(name, Unit.REQUESTS, heading or name, f"{{}} {name}", Combined.SUM)


_REQUESTS, _ANSWERED = _count("requests", "re-\nquests"), _count("answered", "an-\nswered")
_FAILED, _RETRIED, _SLOW = map(_count, ("failed", "retried", "slow"))
_RECOVERY = Figure(
    "recovery_s",
    Unit.SECONDS,
    "SLO held\nafter",
    "the SLO held again after {}",
    open_ended="the SLO did not hold again before the load ended",
)
_OUTAGE = (_REQUESTS, _FAILED, _RETRIED, _SLOW, _RECOVERY)

KINDS: Mapping[Kind, Measures] = {
    Kind.ROLLOUT: Measures(
        "A rolling update of {replicas} replicas under {rate} requests per second",
        (_REQUESTS, _FAILED, _RETRIED, _SLOW, Figure("duration_s", Unit.SECONDS, "it took", "took {}")),
        Goal(retried_share=0.001, requests=10_000, repeats=10),
    ),
    Kind.PODKILL: Measures("One of {replicas} replicas killed under {rate} requests per second", _OUTAGE),
    Kind.DRAIN: Measures("One of {replicas} replicas evicted under {rate} requests per second", _OUTAGE),
    Kind.COLDSTART: Measures(
        "A replica started where there was none",
        (
            Figure("scheduling_s", Unit.SECONDS, "sche-\nduling", "scheduling {}"),
            Figure("schema_s", Unit.SECONDS, "schema\ncheck", "schema check {}"),
            Figure("container_s", Unit.SECONDS, "con-\ntainer", "container {}"),
            Figure("setup_s", Unit.SECONDS, "imports,\nsetup", "imports and setup {}"),
            Figure("ready_s", Unit.SECONDS, "ready\nafter", "ready after {}"),
            Figure("first_answer_s", Unit.SECONDS, "answer\nafter", "first answer after {}"),
        ),
    ),
    Kind.THROTTLE: Measures(
        "{rate} requests per second under CPU limits",
        (
            _REQUESTS,
            _ANSWERED,
            Figure("p50_ms", Unit.MILLISECONDS, "p50", "p50 {}"),
            Figure("p99_ms", Unit.MILLISECONDS, "p99", "p99 {}"),
            Figure("throttled_share", Unit.SHARE, "periods\ncut", "{} of periods cut short"),
            Figure("throttled_s", Unit.SECONDS, "waited\nfor CPU", "{} waited for CPU"),
        ),
    ),
    Kind.FOOTPRINT: Measures(
        "One replica at rest, then under {rate} requests per second",
        (
            Figure("image_bytes", Unit.BYTES, "image", "image {}"),
            Figure("memory_rest_bytes", Unit.BYTES, "memory\nat rest", "memory {} at rest"),
            Figure("memory_load_bytes", Unit.BYTES, "memory\nloaded", "{} under load"),
            Figure("cpu_rest_cores", Unit.CORES, "CPU\nat rest", "CPU {} at rest"),
        ),
    ),
    Kind.SCALEOUT: Measures(
        "From {rate} to {peak} requests per second and back, with 1 replica to begin with and {most} at most",
        (
            Figure("bad_share", Unit.SHARE, "bad", "{} bad"),
            Figure("late_bad_share", Unit.SHARE, "bad\nlater", f"{{}} bad {LATE_S} s after the step and later"),
            Figure("late_failed", Unit.REQUESTS, "fail\nlater", "{} of those failed", Combined.SUM),
            Figure(
                "first_up_s",
                Unit.SECONDS,
                "first\nup",
                "first replicas asked for {} after the step",
                open_ended="no replica asked for at the peak",
            ),
            Figure("all_ready_s", Unit.SECONDS, "all\nready", "all ready after {}"),
            Figure(
                "held_s",
                Unit.SECONDS,
                "SLO\nheld",
                "the SLO held after {}",
                open_ended="the SLO did not hold at the peak",
            ),
            Figure("most", Unit.COUNT, "most", "at most {} ready"),
            Figure(
                "down_s",
                Unit.SECONDS,
                "down\nafter",
                "1 again {} after the peak",
                open_ended="more than 1 until the end",
            ),
            Figure("turns", Unit.COUNT, "turns", "turns: {}"),
            Figure("pod_s", Unit.POD_SECONDS, "used", "{}"),
        ),
    ),
}

FIGURES: Mapping[str, Figure] = {figure.name: figure for kind in KINDS.values() for figure in kind.figures}

NOTHING_SENT = Measurement(
    rate_per_s=0.0,
    duration_s=0.0,
    scheduled=0,
    answered=0,
    errors={},
    retried=0,
    latency_ms=dict.fromkeys(("p50", "p90", "p99", "p99.9", "max"), 0.0),
    latency_histogram="",
    schedule_lag_p99_s=0.0,
    generator_cpu_share=0.0,
    steal_share=0.0,
    requests_by_connection={},
    seconds=(),
)


def of_kind(kind: Kind, known: Figures) -> dict[str, float | None]:
    """The figures of a kind, in their order, from all that is known."""
    return {figure.name: known.get(figure.name) for figure in KINDS[kind].figures}


def of_load(measurement: Measurement) -> dict[str, float | None]:
    return {
        "requests": measurement.scheduled,
        "answered": measurement.answered,
        "failed": sum(measurement.errors.values()),
        "retried": measurement.retried,
        "slow": sum(second.slow for second in measurement.seconds),
        "p50_ms": measurement.latency_ms["p50"],
        "p99_ms": measurement.latency_ms["p99"],
    }


def of_event(seconds: Sequence[Second], slo: Slo, began_s: float, ended_s: float) -> dict[str, float | None]:
    """Times count from the load's begin."""
    return {"duration_s": ended_s - began_s, "recovery_s": recovery_s(seconds, slo, began_s)}


def of_start(start: Start) -> dict[str, float | None]:
    return {
        "scheduling_s": start.scheduled_s,
        "schema_s": start.schema_s - start.scheduled_s,
        "container_s": start.process_s - start.schema_s,
        "setup_s": start.ready_s - start.process_s,
        "ready_s": start.ready_s,
        "first_answer_s": start.first_answer_s,
    }


def of_throttling(before: Sequence[Throttling], after: Sequence[Throttling]) -> dict[str, float | None]:
    """Of the replicas that were there before and after. Without a period there is no share."""
    earlier = {one.replica: one for one in before}
    pairs = [(earlier[one.replica], one) for one in after if one.replica in earlier]
    periods = sum(end.periods - begin.periods for begin, end in pairs)
    cut_short = sum(end.throttled_periods - begin.throttled_periods for begin, end in pairs)
    return {
        "throttled_share": cut_short / periods if periods else None,
        "throttled_s": sum(end.throttled_s - begin.throttled_s for begin, end in pairs) if pairs else None,
    }


def of_rest(
    first: Sequence[Usage], before: Sequence[Usage], after: Sequence[Usage], rest_s: float
) -> dict[str, float | None]:
    """Between `before` and `after` a look itself was counted: as much as between `first` and `before`, back to back."""
    looks = [{usage.replica: usage.cpu_s for usage in look} for look in (first, before, after)]
    replicas = set.intersection(*map(set, looks))
    begin_s, rest_begin_s, end_s = (sum(look[replica] for replica in replicas) for look in looks)
    used_s = (end_s - rest_begin_s) - (rest_begin_s - begin_s)
    return {
        "memory_rest_bytes": sum(usage.memory_bytes for usage in after) if after else None,
        "cpu_rest_cores": max(0.0, used_s) / rest_s if replicas else None,
    }


def recovery_s(seconds: Sequence[Second], slo: Slo, began_s: float) -> float | None:
    first = math.floor(began_s)
    windows = range(first, len(seconds) - WINDOW_S + 1)
    if not windows:
        return None
    broken = [start for start in windows if not _keeps(seconds[start : start + WINDOW_S], slo)]
    if not broken:
        return 0.0
    return None if broken[-1] == windows[-1] else broken[-1] + 1 - began_s


def _keeps(window: Sequence[Second], slo: Slo) -> bool:
    scheduled = sum(second.scheduled for second in window)
    failed, slow = sum(second.failed for second in window), sum(second.slow for second in window)
    return failed <= slo.error_share * scheduled and slow <= SLOW_SHARE_MAX * scheduled


def verdict(goal: Goal, *, repeats: int, requests: float, failed: float, retried: float) -> Verdict:
    """Too few requests may still show that it is missed: when as many as it asks for could not make up for that."""
    if failed or retried > goal.retried_share * max(requests, goal.requests):
        return Verdict.MISSED
    return Verdict.HELD if repeats >= goal.repeats and requests >= goal.requests else Verdict.TOO_FEW
