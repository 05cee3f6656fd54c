"""What must be told of which request: one table, the same for every variant, as `runtime.md` asks under Telemetry.

What the table leaves open, because libraries differ and nobody who reads a trace or a dashboard is misled:

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
from enum import Enum

from shop import seed

from lab.contract.client import Request
from lab.contract.probe import Probe
from lab.core.conventions import NO_ROUTE


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
