"""What a load worker tells Prometheus: requests offered and completed, latency from the schedule, and for what.

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
    LOAD_RETRIED,
    OF_LOAD,
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
        self._told: dict[tuple[str, str], _Told] = {}
        self._now = _Told()
        self._lags = _Buckets(LOAD_LAG_BUCKETS_S)
        self._trial: tuple[str, str, str] | None = None

    def serve(self, port: int) -> None:
        """From a thread of its own, on all addresses. Raises OSError when it can't."""
        registry = CollectorRegistry()
        registry.register(self)
        start_http_server(port, registry=registry)

    def begin(self, load: Load) -> None:
        with self._lock:
            self._now = self._told.setdefault((load.variant, load.scenario.name), _Told())
        self._trial = (load.run, load.trial, load.variant)

    def end(self) -> None:
        self._trial = None

    def add(self, lags_s: Sequence[float], settled: Sequence[Exchange]) -> None:
        """Requests of the load that began last which left, and those that were settled, since the last time."""
        completed = Counter(exchange.error or LOAD_OK for exchange in settled)
        with self._lock:
            told = self._now
            told.offered += len(lags_s)
            told.retried += sum(exchange.resent for exchange in settled)
            for kind, count in completed.items():
                told.completed[kind if kind in KINDS or kind == LOAD_OK else LOAD_OTHER] += count
            told.latencies.add(exchange.latency_s for exchange in settled)
            self._lags.add(lags_s)

    def collect(self) -> Iterator[Metric]:
        offered = CounterMetricFamily(LOAD_OFFERED.name, "Requests that were sent", labels=OF_LOAD)
        completed = CounterMetricFamily(
            LOAD_COMPLETED.name, "Requests that were answered or failed", labels=LOAD_COMPLETED.labels
        )
        retried = CounterMetricFamily(LOAD_RETRIED.name, "Requests that were sent twice", labels=OF_LOAD)
        latencies = HistogramMetricFamily(
            LOAD_LATENCY.name, "From when a request was due to its answer or failure", labels=OF_LOAD
        )
        lags = HistogramMetricFamily(LOAD_LAG.name, "From when a request was due to when it was sent")
        with self._lock:
            for labels, told in self._told.items():
                offered.add_metric(labels, told.offered)
                retried.add_metric(labels, told.retried)
                latencies.add_metric(labels, *told.latencies.read())
                for outcome, count in told.completed.items():
                    completed.add_metric([*labels, outcome], count)
            lags.add_metric([], *self._lags.read())
        yield from (offered, completed, retried, latencies, lags)
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


class _Told:
    """Of all requests for one variant and scenario."""

    def __init__(self) -> None:
        self.offered = self.retried = 0
        self.completed = Counter({LOAD_OK: 0})
        self.latencies = _Buckets(BUCKETS_S)
