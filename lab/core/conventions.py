"""The words of telemetry: names of metrics, labels, attributes and log members, as `runtime.md` has them. Pure.

OpenTelemetry's semantic conventions, metrics in Prometheus' spelling. Nowhere else in the lab are they written out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class Attribute(StrEnum):
    """Of spans."""

    METHOD = "http.request.method"
    ROUTE = "http.route"
    STATUS = "http.response.status_code"
    PATH = "url.path"
    SCHEME = "url.scheme"
    URL = "url.full"
    SERVER = "server.address"
    PORT = "server.port"
    ERROR = "error.type"
    SYSTEM = "db.system.name"
    QUERY = "db.query.text"


class Resource(StrEnum):
    """Attributes of what made a span."""

    SERVICE = "service.name"
    VERSION = "service.version"
    VARIANT = "lab.variant"
    INSTANCE = "service.instance.id"


class Log(StrEnum):
    """Members of a line."""

    TIMESTAMP = "timestamp"
    LEVEL = "level"
    LOGGER = "logger"
    MESSAGE = "message"
    ROLE = "role"
    VARIANT = "variant"
    TRACE = "trace_id"
    SPAN = "span_id"
    EXCEPTION_TYPE = "exception_type"
    EXCEPTION_MESSAGE = "exception_message"
    EXCEPTION_STACKTRACE = "exception_stacktrace"


LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})
EXCEPTION = "exception"  # the event that records one
OTHER_METHOD = "_OTHER"
NO_ROUTE = ""
POSTGRESQL = "postgresql"
CACHES = frozenset({"redis", "valkey", "memcached"})
CONNECTION_TRIAL = "SELECT 1"
DATA_COMMANDS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE"})


class Label(StrEnum):
    METHOD = "http_request_method"
    ROUTE = "http_route"
    STATUS = "http_response_status_code"
    SERVER = "server_address"
    PORT = "server_port"
    ERROR = "error_type"
    QUEUE = "queue"
    POOL = "db_client_connection_pool_name"
    STATE = "db_client_connection_state"
    SERVICE = "service_name"
    VERSION = "service_version"
    GENERATION = "generation"
    THREADS = "thread_pool_name"
    OUTCOME = "outcome"
    RUN = "run"
    TRIAL = "trial"
    VARIANT = "variant"
    SCENARIO = "scenario"


class Teller(Enum):
    """Who has a metric."""

    EVERYBODY = "every role"
    DATABASE = "`catalog`, `orders`"
    ORDERS = "`orders`"
    TRACING = "every role, in `official`"
    SOME = "where there is one"
    LOAD = "load workers"


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    type: str
    labels: tuple[Label, ...] = ()
    teller: Teller = Teller.EVERYBODY


# https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
STATES = frozenset({"idle", "used"})
ACCEPT = "accept"
EXECUTOR = "executor"
QUEUE_FULL = "queue_full"

DURATION = Metric("http_server_request_duration_seconds", "histogram", (Label.METHOD, Label.ROUTE, Label.STATUS))
ACTIVE = Metric("http_server_active_requests", "gauge", (Label.METHOD,))
QUEUE_TIME = Metric("http_server_queue_time_seconds", "histogram")
QUEUE_LENGTH = Metric("http_server_queue_length", "gauge", (Label.QUEUE,))
WORKERS = Metric("http_server_workers", "gauge")
BUSY = Metric("http_server_worker_busy_seconds_total", "counter")
CPU = Metric("process_cpu_seconds_total", "counter")
MEMORY = Metric("process_resident_memory_bytes", "gauge")
TARGET = Metric("target_info", "gauge", (Label.SERVICE, Label.VERSION))
CONNECTIONS = Metric("db_client_connection_count", "gauge", (Label.POOL, Label.STATE), Teller.DATABASE)
CONNECTIONS_MAX = Metric("db_client_connection_max", "gauge", (Label.POOL,), Teller.DATABASE)
PENDING = Metric("db_client_connection_pending_requests", "gauge", (Label.POOL,), Teller.DATABASE)
WAIT_TIME = Metric("db_client_connection_wait_time_seconds", "histogram", (Label.POOL,), Teller.DATABASE)
CALLS = Metric(
    "http_client_request_duration_seconds",
    "histogram",
    (Label.METHOD, Label.SERVER, Label.PORT, Label.STATUS, Label.ERROR),
    Teller.ORDERS,
)
SPANS_WAITING = Metric("otel_sdk_processor_span_queue_size", "gauge", (), Teller.TRACING)
SPANS_WAITING_MAX = Metric("otel_sdk_processor_span_queue_capacity", "gauge", (), Teller.TRACING)
SPANS_PROCESSED = Metric("otel_sdk_processor_span_processed_total", "counter", (Label.ERROR,), Teller.TRACING)
SPANS_EXPORTED = Metric("otel_sdk_exporter_span_exported_total", "counter", (Label.ERROR,), Teller.TRACING)

REQUIRED = (
    DURATION,
    ACTIVE,
    QUEUE_TIME,
    QUEUE_LENGTH,
    WORKERS,
    BUSY,
    CPU,
    MEMORY,
    TARGET,
    CONNECTIONS,
    CONNECTIONS_MAX,
    PENDING,
    WAIT_TIME,
    CALLS,
    SPANS_WAITING,
    SPANS_WAITING_MAX,
    SPANS_PROCESSED,
    SPANS_EXPORTED,
)
# What our own variants tell beside, each where it has such a thing.
LOOP_LAG = Metric("event_loop_lag_seconds", "histogram", (), Teller.SOME)
MORE = (
    LOOP_LAG,
    Metric("python_gc_pause_seconds", "histogram", (Label.GENERATION,)),
    Metric("thread_pool_max", "gauge", (Label.THREADS,), Teller.SOME),
    Metric("thread_pool_active", "gauge", (Label.THREADS,), Teller.SOME),
    Metric("thread_pool_queue_length", "gauge", (Label.THREADS,), Teller.SOME),
)

# What load workers tell, of all requests that they send: to which variant, as which scenario has them. `outcome` is
# `ok`, or the kind of failure as in results.
LOAD_OK = "ok"
LOAD_OTHER = "other"
LOAD_LAG_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
OF_LOAD = (Label.VARIANT, Label.SCENARIO)
LOAD_OFFERED = Metric("lab_load_offered_total", "counter", OF_LOAD, Teller.LOAD)
LOAD_COMPLETED = Metric("lab_load_completed_total", "counter", (*OF_LOAD, Label.OUTCOME), Teller.LOAD)
LOAD_RETRIED = Metric("lab_load_retried_total", "counter", OF_LOAD, Teller.LOAD)
LOAD_LATENCY = Metric("lab_load_latency_seconds", "histogram", OF_LOAD, Teller.LOAD)
LOAD_LAG = Metric("lab_load_schedule_lag_seconds", "histogram", (), Teller.LOAD)
TRIAL_INFO = Metric("lab_trial_info", "gauge", (Label.RUN, Label.TRIAL, Label.VARIANT), Teller.LOAD)
