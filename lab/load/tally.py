"""What became of one kind of a trial's requests, as it comes in; latencies in seconds, given on as milliseconds."""

from __future__ import annotations

from collections import Counter

from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

from lab.core.measurement import Answers

LATENCY_MAX_US = 3_600_000_000
SIGNIFICANT_DIGITS = 3
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}


class Tally:
    """`latencies_s` has every request that was settled, `errors` those of them that failed, by kind."""

    __slots__ = ("errors", "latencies_s")

    def __init__(self) -> None:
        self.latencies_s: list[float] = []
        self.errors: Counter[str] = Counter()

    def answers(self, rate_per_s: float, retried: int) -> Answers:
        histogram = HdrHistogram(1, LATENCY_MAX_US, SIGNIFICANT_DIGITS)
        for latency_us, count in Counter(round(latency * 1e6) for latency in self.latencies_s).items():
            histogram.record_value(max(1, latency_us), count)
        values_us = histogram.get_percentile_to_value_dict(list(PERCENTILES.values()))
        return Answers(
            rate_per_s=rate_per_s,
            scheduled=len(self.latencies_s),
            answered=len(self.latencies_s) - self.errors.total(),
            errors=dict(self.errors),
            retried=retried,
            latency_ms={name: values_us.get(share, 0) / 1000 for name, share in PERCENTILES.items()},
            latency_histogram=histogram.encode().decode(),
        )


def percentile(values: list[float], share: float) -> float:
    """Of unordered values; 0 of none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0
