"""What must be told of which request: one table, the same for every variant, as `runtime.md` asks under Telemetry.

Names of metrics, labels, attributes and log members are spelled here and nowhere else in what checks them. What the
table leaves open, because libraries differ and nobody who reads a trace or a dashboard is misled:

- A server span may have more attributes than are named (client, protocol, user agent), and spans of kind `internal`
  below it: frameworks differ in how many layers they show.
- Where no path matches, its name is the method alone or `HTTP`: the convention allows both.
- `error.type` at a server span with 5xx is the status or the exception's type: who answers may know only one.
- An exception is recorded at the span of the statement in which it was raised, or at the server span that it ended;
  at one of them, since some libraries leave it to the caller.
- Statements that begin or end a transaction, or set up a session, may have spans: some drivers send them as statements.
- So may one that tries, after a fault, whether the connection still works.
- A call that is given up because another has failed may be missing, or be a span that failed: threads end, tasks are
  cancelled.
- Whether a client span that failed has `error.type`: the exception at it, or the status, says the same.
- The text of an exception, and which library's type it is.
- Nobody waits for a connection where each thread has its own: the histogram of that time need not grow.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum

from shop import seed

from lab.contract.client import Request
from lab.contract.probe import Probe


class Attribute(StrEnum):
    """Of spans."""

    METHOD = "http.request.method"
    ROUTE = "http.route"
    STATUS = "http.response.status_code"
    PATH = "url.path"
    SCHEME = "url.scheme"
    URL = "url.full"
    SERVER = "server.address"
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
CACHES = frozenset({"redis", "valkey"})
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


class Teller(Enum):
    """Who has a metric."""

    EVERYBODY = "every role"
    DATABASE = "`catalog`, `orders`"
    ORDERS = "`orders`"
    TRACING = "every role, in `official`"
    SOME = "where there is one"


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
MORE = (
    Metric("event_loop_lag_seconds", "histogram", (), Teller.SOME),
    Metric("python_gc_pause_seconds", "histogram", (Label.GENERATION,)),
    Metric("thread_pool_max", "gauge", (Label.THREADS,), Teller.SOME),
    Metric("thread_pool_active", "gauge", (Label.THREADS,), Teller.SOME),
    Metric("thread_pool_queue_length", "gauge", (Label.THREADS,), Teller.SOME),
)


class Fault(Enum):
    """What must be wrong while a request is sent."""

    NONE = "nothing"
    TABLE_AWAY = "a table that is away"
    CATALOG_DOWN = "a catalog that is down"


@dataclass(frozen=True, slots=True)
class Below:
    """What is below a server span, as numbers of client spans; `calls` go to the catalog, and end with `call_status`.

    `call_status` None is a call that fails without an answer: one such span at least, `calls` at most.
    """

    statements: int = 0
    cache: tuple[str, ...] = ()
    calls: int = 0
    call_status: int | None = 200
    each_call: Below | None = None  # below the server span that it makes in the catalog


NOTHING = Below()


@dataclass(frozen=True, slots=True)
class Signal:
    """`request` prepares what it needs before, and gives the request that is watched. `role` is empty for every one.

    `route` is the contract's path, NO_ROUTE where nothing has the path. A status of 5xx is an error, none else.
    """

    name: str
    role: str
    operation: str
    request: Callable[[Probe], Request]
    status: int
    route: str
    below: Below = NOTHING
    fault: Fault = Fault.NONE
    raises: bool = False

    @property
    def failed(self) -> bool:
        return self.status >= 500


READ = Below(statements=1, cache=("GET", "SET"))
CACHED = Below(cache=("GET",))
UNKNOWN = 999_999_999
EMBEDDING = [1, -1] * 32
SEEDED = range(1000, seed.PRODUCTS)  # with numbers that are in a statement for no other reason


def _product(probe: Probe) -> Request:
    """One that nobody has read yet."""
    return probe.setting.request("getProduct", path={"product_id": probe.created()["id"]})


def _read_before(probe: Probe) -> Request:
    request = _product(probe)
    probe.succeed(request)
    return request


def _placing(probe: Probe) -> Request:
    """Of two products; likely none that was read a minute ago, and is in the cache."""
    first, second = random.SystemRandom().sample(SEEDED, 2)
    return probe.order((first, 1), (second, 1))


def _placed(probe: Probe) -> int:
    """The id of an order."""
    return int(probe.succeed(_placing(probe), 201).document["id"])


def _without_token(probe: Probe) -> Request:
    return probe.setting.request("createProduct", body=probe.product()).with_header("Authorization", None)


SIGNALS: tuple[Signal, ...] = (
    Signal("ping", "", "ping", lambda p: p.setting.request("ping"), 200, "/ping"),
    Signal("first read of a product", "catalog", "getProduct", _product, 200, "/products/{product_id}", READ),
    Signal("second read of a product", "catalog", "getProduct", _read_before, 200, "/products/{product_id}", CACHED),
    Signal(
        "HEAD",
        "catalog",
        "getProduct",
        lambda p: Request("", "HEAD", _read_before(p).target),
        200,
        "/products/{product_id}",
        CACHED,
    ),
    Signal(
        "product that is unknown",
        "catalog",
        "getProduct",
        lambda p: p.setting.request("getProduct", path={"product_id": UNKNOWN}),
        404,
        "/products/{product_id}",
        Below(statements=1, cache=("GET",)),
    ),
    Signal("path that is unknown", "catalog", "", lambda p: Request("", "GET", "/nowhere/6066"), 404, NO_ROUTE),
    Signal(
        "method that the path has not", "catalog", "", lambda p: Request("", "PATCH", "/products"), 405, "/products"
    ),
    Signal(
        "body that is invalid",
        "catalog",
        "createProduct",
        lambda p: p.setting.request("createProduct", body=p.product(sku="no sku")),
        422,
        "/products",
    ),
    Signal("no token", "catalog", "createProduct", _without_token, 401, "/products"),
    Signal(
        "product that is created",
        "catalog",
        "createProduct",
        lambda p: p.setting.request("createProduct", body=p.product()),
        201,
        "/products",
        Below(statements=1),
    ),
    Signal(
        "page of products",
        "catalog",
        "listProducts",
        lambda p: p.setting.request("listProducts"),
        200,
        "/products",
        Below(statements=1),
    ),
    Signal(
        "order of two products",
        "orders",
        "placeOrder",
        _placing,
        201,
        "/orders",
        Below(statements=6, calls=2, each_call=Below(statements=1, cache=("GET", "SET"))),
    ),
    Signal(
        "one order",
        "orders",
        "getOrder",
        lambda p: p.setting.request("getOrder", path={"order_id": _placed(p)}),
        200,
        "/orders/{order_id}",
        Below(statements=2),
    ),
    Signal(
        "order that moves on",
        "orders",
        "moveOrder",
        lambda p: p.move(_placed(p), "confirmed"),
        200,
        "/orders/{order_id}/transitions",
        Below(statements=5),
    ),
    Signal(
        "recommendations",
        "recommend",
        "recommend",
        lambda p: p.setting.request("recommend", body={"embeddings": [EMBEDDING], "k": 1}),
        200,
        "/recommendations",
    ),
    Signal(
        "fault that nobody expected",
        "catalog",
        "listProducts",
        lambda p: p.setting.request("listProducts"),
        500,
        "/products",
        Below(statements=1),
        Fault.TABLE_AWAY,
        raises=True,
    ),
    Signal(
        "catalog that is down",
        "orders",
        "placeOrder",
        _placing,
        503,
        "/orders",
        Below(statements=1, calls=2, call_status=None),
        Fault.CATALOG_DOWN,
    ),
)
