"""What a load worker tells Prometheus: requests offered and completed, latency from the schedule, and for which trial.

Updated in batches, so that a request costs nothing for it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from itertools import accumulate
from threading import Lock

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from lab.core.conventions import (
    BUCKETS_S,
    LOAD_COMPLETED,
    LOAD_LAG,
    LOAD_LAG_BUCKETS_S,
    LOAD_LATENCY,
    LOAD_OFFERED,
    LOAD_OK,
    LOAD_OTHER,
    TRIAL_INFO,
)
from lab.load.requests import Exchange
from lab.ports import Load

# Kinds of failure that have a series of their own; whatever else a target makes up has none.
KINDS = frozenset(
    {
        *(f"status {status.value}" for status in HTTPStatus),
        "cannot connect",
        "connection closed",
        "connection refused",
        "connection reset",
        "malformed answer",
        "timeout",
        "wrong body",
    }
)


Buckets = tuple[list[tuple[str, float]], float]


class LoadMetrics(Collector):
    """Read from another thread than it is written from."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._offered = 0
        self._completed = Counter({LOAD_OK: 0})
        self._latencies = _Buckets(BUCKETS_S)
        self._lags = _Buckets(LOAD_LAG_BUCKETS_S)
        self._trial: tuple[str, str, str] | None = None

    def serve(self, port: int) -> None:
        """From a thread of its own, on all addresses. Raises OSError when it can't."""
        registry = CollectorRegistry()
        registry.register(self)
        start_http_server(port, registry=registry)

    def begin(self, load: Load) -> None:
        self._trial = (load.run, load.trial, load.variant)

    def end(self) -> None:
        self._trial = None

    def add(self, lags_s: Sequence[float], settled: Sequence[Exchange]) -> None:
        """Requests that left, and those that were settled, since the last time."""
        completed = Counter(exchange.error or LOAD_OK for exchange in settled)
        with self._lock:
            self._offered += len(lags_s)
            for kind, count in completed.items():
                self._completed[kind if kind in KINDS or kind == LOAD_OK else LOAD_OTHER] += count
            self._latencies.add(exchange.latency_s for exchange in settled)
            self._lags.add(lags_s)

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            completed, latencies, lags = dict(self._completed), self._latencies.read(), self._lags.read()
            offered = self._offered
        yield CounterMetricFamily(LOAD_OFFERED.name, "Requests that were sent", value=offered)
        by_outcome = CounterMetricFamily(
            LOAD_COMPLETED.name, "Requests that were answered or failed", labels=LOAD_COMPLETED.labels
        )
        for outcome, count in completed.items():
            by_outcome.add_metric([outcome], count)
        yield by_outcome
        yield _histogram(LOAD_LATENCY.name, "From when a request was due to its answer or failure", latencies)
        yield _histogram(LOAD_LAG.name, "From when a request was due to when it was sent", lags)
        info = GaugeMetricFamily(TRIAL_INFO.name, "The trial that runs", labels=TRIAL_INFO.labels)
        if trial := self._trial:
            info.add_metric(trial, 1)
        yield info


class _Buckets:
    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = (*bounds, math.inf)
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def add(self, values: Iterable[float]) -> None:
        for value in values:
            self._counts[bisect_left(self._bounds, value)] += 1
            self._sum += value

    def read(self) -> Buckets:
        """Cumulative, by their upper bounds; and the sum of all values."""
        return list(zip(map(floatToGoString, self._bounds), accumulate(self._counts), strict=True)), self._sum


def _histogram(name: str, what: str, read: Buckets) -> Metric:
    buckets, total = read
    return HistogramMetricFamily(name, what, buckets=buckets, sum_value=total)
