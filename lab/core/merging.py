"""What several workers measured of one load, as one measurement. Pure.

Counts and histograms are added, so that percentiles are those of all requests together; of what says whether the load
may be believed (lag, CPU, steal) the worst counts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import TypedDict

from lab.core.latencies import DELAY_PERCENTILES, Latencies
from lab.core.measurement import Answers, Measurement, Second, StreamsSeen

PORTS = 65_536
NONE_DUE = Second()


def merged(measurements: Sequence[Measurement]) -> Measurement:
    """Of at least one, in the order of their workers."""
    beside = [each.beside for each in measurements if each.beside]
    streams = [each.streams for each in measurements if each.streams]
    return Measurement(
        **_answers(measurements),
        duration_s=max(each.duration_s for each in measurements),
        schedule_lag_p99_s=max(each.schedule_lag_p99_s for each in measurements),
        generator_cpu_share=max(each.generator_cpu_share for each in measurements),
        steal_share=max(each.steal_share for each in measurements),
        requests_by_connection={
            worker * PORTS + port: count
            for worker, each in enumerate(measurements)
            for port, count in each.requests_by_connection.items()
        },
        beside=Answers(**_answers(beside)) if beside else None,
        streams=_streams(streams) if streams else None,
        seconds=tuple(
            Second(
                scheduled=sum(second.scheduled for second in seconds),
                failed=sum(second.failed for second in seconds),
                slow=sum(second.slow for second in seconds),
            )
            for seconds in zip_longest(*(each.seconds for each in measurements), fillvalue=NONE_DUE)
        ),
    )


class _Answers(TypedDict):
    rate_per_s: float
    scheduled: int
    answered: int
    errors: Mapping[str, int]
    retried: int
    latency_ms: Mapping[str, float]
    latency_histogram: str


def _answers(parts: Sequence[Answers | Measurement]) -> _Answers:
    latencies = Latencies.merged(part.latency_histogram for part in parts)
    return _Answers(
        rate_per_s=math.fsum(part.rate_per_s for part in parts),
        scheduled=sum(part.scheduled for part in parts),
        answered=sum(part.answered for part in parts),
        errors=_added(part.errors for part in parts),
        retried=sum(part.retried for part in parts),
        latency_ms=latencies.percentiles_ms(),
        latency_histogram=latencies.encoded(),
    )


def _streams(parts: Sequence[StreamsSeen]) -> StreamsSeen:
    delays = Latencies.merged(part.event_delay_histogram for part in parts if part.events)
    return StreamsSeen(
        wanted=sum(part.wanted for part in parts),
        held=sum(part.held for part in parts),
        refused=sum(part.refused for part in parts),
        errors=_added(part.errors for part in parts),
        events=delays.count,
        event_delay_ms=delays.percentiles_ms(DELAY_PERCENTILES) if delays.count else None,
        event_delay_histogram=delays.encoded() if delays.count else "",
    )


def _added(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(total)
