"""The metrics of one replica, as `services/contract/runtime.md` names them.

Names, units and buckets are those of OpenTelemetry's semantic conventions in Prometheus' spelling, where these define
them (HTTP 1.23 and later, database client connections, Python has none for its collector). Times are seconds. Whatever
can be read when it is asked for costs a request nothing: gauges are functions, called by the scrape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from time import perf_counter
from types import TracebackType
from urllib.parse import urlsplit

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from shop import __version__
from shop.routes import Operation

# https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
HTTP_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
PAUSE_BUCKETS_S = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
OTHER_METHOD = "_OTHER"
FAILURES = (500, 503)
POOL = "shop"
DEFAULT_PORTS = {"http": 80, "https": 443}

Exemplar = Mapping[str, str]


class Metrics:
    """Created once in the process that serves. Safe to use from any thread."""

    def __init__(self, role: str, operations: Collection[Operation] = ()) -> None:
        """What `operations` answer is there from the start, at 0."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # when each series was made: as many lines again, and nobody reads them
        service = {"service_name": role, "service_version": __version__}
        self.registry = registry = CollectorRegistry(target_info=service, support_collectors_without_names=True)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._duration = Histogram(
            "http_server_request_duration_seconds",
            "From the moment that the application gets a request until its answer is complete.",
            ("http_request_method", "http_route", "http_response_status_code"),
            buckets=HTTP_BUCKETS_S,
            registry=registry,
        )
        # One is added and removed for each request: a key of its own, and its method.
        self.active: dict[object, str] = {}
        registry.register(_Active(self.active, {operation.method for operation in operations}))
        self.queue_time = Histogram(
            "http_server_queue_time_seconds",
            "From the moment that the server had a request until the application gets it.",
            buckets=HTTP_BUCKETS_S,
            registry=registry,
        )
        self._queue_length = Gauge(
            "http_server_queue_length",
            "Connections that the kernel holds for the server (accept), requests that wait for a thread (executor).",
            ("queue",),
            registry=registry,
        )
        self._series: dict[tuple[str, str, int], Histogram] = {}
        for operation in operations:
            for status in (operation.success, *FAILURES):
                self._of(operation.method, operation.route, status)

    def render(self, accept: str, names: Collection[str] = ()) -> tuple[str, bytes]:
        """Media type and text: OpenMetrics where `accept`, the request's header, asks for it; only `names` if any."""
        encode, media_type = choose_encoder(accept)
        return media_type, encode(self.registry.restricted_registry(names) if names else self.registry)

    def answered(
        self, method: str, route: str, status: int, duration_s: float, exemplar: Exemplar | None = None
    ) -> None:
        """`route` is the contract's path, NO_ROUTE where nothing has it."""
        series = self._series.get((method, route, status)) or self._of(method, route, status)
        series.observe(duration_s, exemplar)  # type: ignore[arg-type]

    def _of(self, method: str, route: str, status: int) -> Histogram:
        known = _known(method)
        series = self._duration.labels(known, route, status)
        if known == method:  # the names of others are the client's to choose
            self._series[method, route, status] = series
        return series

    def watch_queue(self, queue: str, length: Callable[[], float]) -> None:
        self._queue_length.labels(queue).set_function(length)

    def watch_workers(self, workers: int, busy_s: Callable[[], float]) -> None:
        """`workers` serve one request at a time each; `busy_s` is how long they were busy so far, together."""
        gauge = Gauge(
            "http_server_workers", "What serves one request at a time: threads, or event loops.", registry=self.registry
        )
        gauge.set(workers)
        help_text = "How long workers were busy, together: threads with requests, a loop while its thread ran."
        self.registry.register(_Counted("http_server_worker_busy_seconds", help_text, busy_s))

    def watch_connections(
        self, maximum: int, counts: Callable[[], Mapping[str, int]], pending: Callable[[], int] = lambda: 0
    ) -> Histogram:
        """Of the pool to the database: `counts` by state, `idle` and `used`. The histogram is for times of waiting."""
        labels = ("db_client_connection_pool_name",)
        count = Gauge(
            "db_client_connection_count",
            "Connections to the database, by state.",
            (*labels, "db_client_connection_state"),
            registry=self.registry,
        )
        count.labels(POOL, "idle").set_function(lambda: counts()["idle"])
        count.labels(POOL, "used").set_function(lambda: counts()["used"])
        most = Gauge("db_client_connection_max", "Connections that there may be.", labels, registry=self.registry)
        most.labels(POOL).set(maximum)
        waiting = Gauge(
            "db_client_connection_pending_requests", "Who waits for a connection.", labels, registry=self.registry
        )
        waiting.labels(POOL).set_function(pending)
        wait_time = Histogram(
            "db_client_connection_wait_time_seconds",
            "How long it took to get a connection from the pool.",
            labels,
            buckets=HTTP_BUCKETS_S,
            registry=self.registry,
        )
        return wait_time.labels(POOL)

    def watch_threads(self, pool: str, maximum: int, active: Callable[[], float], queued: Callable[[], float]) -> None:
        """Threads that the application has beside those that serve requests."""
        labels = ("thread_pool_name",)
        most = Gauge("thread_pool_max", "Threads that there may be.", labels, registry=self.registry)
        most.labels(pool).set(maximum)
        working = Gauge("thread_pool_active", "Threads that work on something now.", labels, registry=self.registry)
        working.labels(pool).set_function(active)
        waiting = Gauge("thread_pool_queue_length", "Tasks that wait for a thread.", labels, registry=self.registry)
        waiting.labels(pool).set_function(queued)

    def collector_pauses(self) -> Histogram:
        return Histogram(
            "python_gc_pause_seconds",
            "How long the garbage collector stopped every thread, by generation.",
            ("generation",),
            buckets=PAUSE_BUCKETS_S,
            registry=self.registry,
        )

    def loop_lag(self) -> Histogram:
        return Histogram(
            "event_loop_lag_seconds",
            "How late the event loop ran a timer that was due, tried ten times a second.",
            buckets=PAUSE_BUCKETS_S,
            registry=self.registry,
        )

    def client(self) -> Histogram:
        """For `ClientRequest`: the calls to other services."""
        return Histogram(
            "http_client_request_duration_seconds",
            "From sending a request to having its answer, or knowing that there is none.",
            ("http_request_method", "server_address", "server_port", "http_response_status_code", "error_type"),
            buckets=HTTP_BUCKETS_S,
            registry=self.registry,
        )


def _known(method: str) -> str:
    return method if method in METHODS else OTHER_METHOD


class ClientRequest:
    """Times one call to another service: a `with` block in which `status` becomes known, or an exception leaves it."""

    __slots__ = ("_begin", "_histogram", "_method", "_server", "status")

    def __init__(self, histogram: Histogram, method: str, base_url: str) -> None:
        url = urlsplit(base_url)
        self._histogram = histogram
        self._method = method
        self._server = (url.hostname or "", url.port or DEFAULT_PORTS[url.scheme])
        self.status: int | None = None

    def __enter__(self) -> ClientRequest:
        self._begin = perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        duration_s = perf_counter() - self._begin
        status = "" if self.status is None else str(self.status)
        error_type = kind.__name__ if kind and self.status is None else ""
        self._histogram.labels(self._method, *self._server, status, error_type).observe(duration_s)


class _Active(Collector):
    """Counts what is under way when it is asked: a Gauge's lock, twice a request, costs more than a dictionary."""

    def __init__(self, active: Mapping[object, str], methods: set[str]) -> None:
        self._active = active
        self._methods = methods  # those that were seen stay

    def collect(self) -> list[Metric]:
        counts = Counter(map(_known, list(self._active.values())))
        self._methods.update(counts)
        family = GaugeMetricFamily(
            "http_server_active_requests",
            "Requests that the application works on now, streams among them.",
            labels=["http_request_method"],
        )
        for method in sorted(self._methods):
            family.add_metric([method], counts[method])
        return [family]


class _Counted(Collector):
    """A counter whose value is read when it is asked for."""

    def __init__(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        self._name = name
        self._help = help_text
        self._value = value

    def collect(self) -> list[Metric]:
        return [CounterMetricFamily(self._name, self._help, value=self._value())]
