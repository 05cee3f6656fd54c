"""What became of a trial's requests, of those that were settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lab.core.latencies import Latencies
from lab.core.measurement import Answers, Second
from lab.load.requests import Exchange


def answers(settled: Sequence[Exchange], rate_per_s: float) -> Answers:
    latencies = Latencies.of(exchange.latency_s for exchange in settled)
    errors = Counter(exchange.error for exchange in settled if exchange.error)
    return Answers(
        rate_per_s=rate_per_s,
        scheduled=len(settled),
        answered=len(settled) - errors.total(),
        errors=dict(errors),
        retried=sum(exchange.resent for exchange in settled),
        latency_ms=latencies.percentiles_ms(),
        latency_histogram=latencies.encoded(),
    )


def seconds(settled: Sequence[Exchange], slow_s: float) -> tuple[Second, ...]:
    """By the second in which they were due; an answer that took longer than `slow_s` was slow."""
    scheduled = Counter(int(exchange.due) for exchange in settled)
    failed = Counter(int(exchange.due) for exchange in settled if exchange.error)
    slow = Counter(int(exchange.due) for exchange in settled if not exchange.error and exchange.latency_s > slow_s)
    count = max(scheduled, default=-1) + 1
    return tuple(Second(scheduled[second], failed[second], slow[second]) for second in range(count))


def percentile(values: list[float], share: float) -> float:
    """Of unordered values; 0 of none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0
