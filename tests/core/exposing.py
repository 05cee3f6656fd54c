"""A replica's metrics as the contract names them, to be counted up by a test."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from lab.core.exposition import Exposition, parse

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


class Exposing:
    """Of a server with `workers` threads, none of whose requests was anything but a GET of one route."""

    def __init__(self, workers: int = 4) -> None:
        self._registry = registry = CollectorRegistry()
        self._duration = Histogram(
            "http_server_request_duration_seconds",
            "",
            ("http_request_method", "http_route", "http_response_status_code"),
            buckets=BOUNDS_S,
            registry=registry,
        )
        self.active = Gauge("http_server_active_requests", "", ("http_request_method",), registry=registry).labels(
            "GET"
        )
        queue = Gauge("http_server_queue_length", "", ("queue",), registry=registry)
        self.accept, self.executor = queue.labels("accept"), queue.labels("executor")
        Gauge("http_server_workers", "", registry=registry).set(workers)
        self.busy_s = Counter("http_server_worker_busy_seconds", "", registry=registry)
        self.cpu_s = Counter("process_cpu_seconds", "", registry=registry)
        self.memory_bytes = Gauge("process_resident_memory_bytes", "", registry=registry)
        self._processed = Counter("otel_sdk_processor_span_processed", "", ("error_type",), registry=registry)
        self._exported = Counter("otel_sdk_exporter_span_exported", "", ("error_type",), registry=registry)
        self.answer(0)
        self.answer(0, status=500)

    def answer(self, times: int, *, status: int = 200, duration_s: float = 0.02) -> None:
        series = self._duration.labels("GET", "/products/{product_id}", status)
        for _ in range(times):
            series.observe(duration_s)

    def process_spans(self, spans: int, error: str = "") -> None:
        self._processed.labels(error).inc(spans)

    def export_spans(self, spans: int, error: str = "") -> None:
        self._exported.labels(error).inc(spans)

    def text(self) -> str:
        return generate_latest(self._registry).decode()

    def exposition(self) -> Exposition:
        return parse(self.text())
