"""What one trial's load measured, and whether it may be believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

GENERATOR_CPU_SHARE_MAX = 0.70
SCHEDULE_LAG_SLO_SHARE_MAX = 0.05
STEAL_SHARE_MAX = 0.02


@dataclass(frozen=True, slots=True)
class Measurement:
    """Latencies count from the scheduled time; failed requests are in the histogram with the time they took.

    `latency_histogram` is an HDR histogram of microseconds in its base64 wire form. `errors` counts by kind
    (`status 503`, `timeout`, `connection refused`, `wrong body`, ...). `requests_by_connection` counts answers by the
    client's local port, `schedule_lag_p99_s` is how late requests left, `generator_cpu_share` is of one core and
    `steal_share` of the whole machine.
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

    @property
    def error_share(self) -> float:
        return sum(self.errors.values()) / self.scheduled if self.scheduled else 0.0
