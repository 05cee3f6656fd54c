"""Latencies of many requests as an HDR histogram of microseconds, three significant digits up to an hour. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

MAX_US = 3_600_000_000
SIGNIFICANT_DIGITS = 3
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
DELAY_PERCENTILES = {"p50": 50.0, "p99": 99.0, "max": 100.0}


class Latencies:
    def __init__(self) -> None:
        self._histogram = HdrHistogram(1, MAX_US, SIGNIFICANT_DIGITS)

    @classmethod
    def of(cls, latencies_s: Iterable[float]) -> Latencies:
        found = cls()
        for latency_us, count in Counter(round(latency_s * 1e6) for latency_s in latencies_s).items():
            found._histogram.record_value(max(1, latency_us), count)
        return found

    @classmethod
    def merged(cls, encoded: Iterable[str]) -> Latencies:
        """Exactly as if all had been counted in one."""
        found = cls()
        for one in encoded:
            found._histogram.decode_and_add(one)
        return found

    def encoded(self) -> str:
        """In HdrHistogram's base64 wire form."""
        text: str = self._histogram.encode().decode()
        return text

    @property
    def count(self) -> int:
        total: int = self._histogram.get_total_count()
        return total

    def percentiles_ms(self, percentiles: Mapping[str, float] = PERCENTILES) -> dict[str, float]:
        """0 of none."""
        values_us = self._histogram.get_percentile_to_value_dict(list(percentiles.values()))
        return {name: values_us.get(share, 0) / 1000 for name, share in percentiles.items()}
