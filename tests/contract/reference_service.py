"""A service in memory that keeps the contract, so that the checker can be checked; tests override what they break.

Nothing here is fast or fit for use; it reads like the contract as far as that goes.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import cache, lru_cache
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from shop import cursor, documents, idempotency, model, seed, tokens
from shop.nearest import Nearest
from shop.orders import CurrenciesDiffer, Offer, OrderStatus, gives_stock_back, may_move, price
from shop.problems import FieldError, Problem, invalid, method_not_allowed, unavailable

from tests.contract import reference_fields as fields
from tests.contract.reference_streams import Streams

DEADLINE_S = 0.5  # and not the contract's 2 s: whoever checks it need not wait long
KEY = b"0123456789abcdef0123456789abcdef"
PATHS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "catalog": {
        "/products": {"GET": "list_products", "POST": "create_product"},
        "/products/{product_id}": {"GET": "get_product", "PUT": "replace_product", "DELETE": "delete_product"},
    },
    "orders": {
        "/orders": {"GET": "list_orders", "POST": "place_order"},
        "/orders/{order_id}": {"GET": "get_order"},
        "/orders/{order_id}/transitions": {"POST": "move_order"},
        "/orders/{order_id}/events": {"GET": "stream_order"},
        "/stock/{product_id}": {"PUT": "set_stock"},
    },
    "recommend": {"/recommendations": {"POST": "recommend"}},
    "ping": {},
}
SCOPES = {
    "create_product": "products:write",
    "replace_product": "products:write",
    "delete_product": "products:write",
    "place_order": "orders:write",
    "move_order": "orders:write",
    "set_stock": "stock:write",
}
WITH_BODY = {*SCOPES, "recommend"} - {"delete_product"}
Answer = tuple[int, Any, Mapping[str, str]]  # its document is JSON, or an iterator over what a stream sends


class Request:
    """`query` and `path` are text as they came; `body` is JSON once it has been judged."""

    def __init__(
        self, method: str, target: str, headers: Any, content: Callable[[int], bytes], gone: Callable[[], bool]
    ) -> None:
        """`gone` tells whether the client has closed its connection."""
        parts = urlsplit(target)
        self.method, self.path, self.headers, self.content, self.gone = method, parts.path, headers, content, gone
        self.query = parse_qsl(parts.query, keep_blank_values=True)
        self.values: dict[str, str] = {}
        self.body: Any = None

    @property
    def id(self) -> int:
        return int(next(iter(self.values.values())).removesuffix(".0"))

    def parameter(self, name: str, default: str = "") -> str:
        return dict(self.query).get(name, default)


class Shop:
    """Tables in dictionaries, a method for each step of judging and for each operation."""

    catalog_deadline_s = DEADLINE_S
    head_has_body = False
    kind_of_streams = Streams

    def __init__(self, role: str, catalog_url: str) -> None:
        self.role, self.catalog = role, urlsplit(catalog_url)
        self.lock = threading.RLock()
        self.ids = itertools.count(seed.PRODUCTS + 1)
        self.products = dict(_seeded()) if role == "catalog" else {}
        self.stock = dict(seed.stock())
        self.orders: dict[int, Any] = {}
        self.placed: dict[str, tuple[str, Any]] = {}
        self.streams = self.kind_of_streams()
        self.key_locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    # judging

    def answer(self, request: Request) -> Answer:
        try:
            operation = self.operation(request)
            return self.judged(operation, request)
        except Problem as problem:
            return problem.status, problem.document(), problem.headers

    def judged(self, operation: str, request: Request) -> Answer:
        if operation in SCOPES:
            self.authorize(request.headers.get("Authorization"), SCOPES[operation])
        if operation in WITH_BODY:
            request.body = self.read_body(request)
        errors = self.violations(operation, request)
        if errors:
            raise invalid(errors)
        result: Answer = getattr(self, operation)(request)
        return result

    def operation(self, request: Request) -> str:
        for template, methods in {"/ping": {"GET": "ping"}, **PATHS[self.role]}.items():
            match = re.fullmatch(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", template), request.path)
            if match is None:
                continue
            request.values = {name: unquote(value) for name, value in match.groupdict().items()}
            method = "GET" if request.method == "HEAD" else request.method
            if method not in methods:
                raise method_not_allowed(self.allowed(methods))
            return methods[method]
        raise Problem("not-found", "There is nothing at this path")

    def allowed(self, methods: Mapping[str, str]) -> list[str]:
        return sorted({*methods, "HEAD"} if "GET" in methods else methods)

    def authorize(self, header: str | None, scope: str) -> None:
        tokens.require_scope(header, scope, KEY)

    def read_body(self, request: Request) -> Any:
        length = request.headers.get("Content-Length")
        if length is None:
            raise Problem("length-required", "Send Content-Length")
        if int(length) > documents.BODY_MAX_BYTES:
            raise Problem("content-too-large", "Send less")
        if request.headers.get_content_type() != "application/json" or "Content-Type" not in request.headers:
            raise Problem("unsupported-media-type", "Send application/json")
        return self.parse(request.content(int(length)))

    def parse(self, content: bytes) -> Any:
        try:
            return documents.parse(content)
        except documents.MalformedJSON as error:
            raise Problem("malformed-json", str(error)) from None

    def violations(self, operation: str, request: Request) -> list[FieldError]:
        errors = [*fields.of_path(request.values), *fields.of_query(operation, request.query)]
        if operation == "place_order":
            errors += fields.of_key(request.headers.get("Idempotency-Key"))
        if operation == "stream_order":
            errors += fields.of_last_event(request.headers.get("Last-Event-ID"))
        return [*errors, *fields.of_body(operation, request.body)]

    def media_type(self, status: int) -> str:
        return "application/problem+json" if status >= 400 else "application/json"

    # catalog

    def ping(self, request: Request) -> Answer:
        return 200, {"status": "ok"}, {}

    def list_products(self, request: Request) -> Answer:
        found = self.found(request.parameter("category"), request.parameter("q") if request.parameter("q") else None)
        return self.page(request, sorted(found, key=lambda product: product["id"]), ascending=True)

    def found(self, category: str, q: str | None) -> list[Any]:
        with self.lock:
            products = [product for product in self.products.values() if category in ("", product["category"])]
        if q is None:
            return products
        wanted = _words(q)
        return [p for p in products if wanted and wanted <= _words(f"{p['name']} {p['description']}")]

    def page(self, request: Request, items: list[Any], ascending: bool) -> Answer:
        limit = int(float(request.parameter("limit", "20")))
        if request.parameter("cursor"):
            last = cursor.decode(request.parameter("cursor"))
            items = [item for item in items if (item["id"] > last if ascending else item["id"] < last)]
        more = len(items) > limit
        return 200, {"items": items[:limit], "next_cursor": cursor.encode(items[limit - 1]["id"]) if more else None}, {}

    def get_product(self, request: Request) -> Answer:
        return 200, self.existing(self.products, request), {}

    def existing(self, table: dict[int, Any], request: Request) -> Any:
        with self.lock:
            if request.id not in table:
                raise Problem("not-found", "There is none")
            return table[request.id]

    def create_product(self, request: Request) -> Answer:
        with self.lock:
            self.check_sku(request.body["sku"], 0)
            product_id = next(self.ids)
            now = _now()
            self.products[product_id] = {
                "id": product_id,
                **_product(request.body),
                "created_at": now,
                "updated_at": now,
            }
            return 201, self.products[product_id], {"Location": f"/products/{product_id}"}

    def check_sku(self, sku: str, own: int) -> None:
        if any(p["sku"] == sku and p["id"] != own for p in self.products.values()):
            raise Problem("sku-taken", "Another product has it")

    def replace_product(self, request: Request) -> Answer:
        with self.lock:
            old = self.existing(self.products, request)
            self.check_sku(request.body["sku"], old["id"])
            self.products[old["id"]] = {**old, **_product(request.body), "updated_at": _now()}
            return 200, self.products[old["id"]], {}

    def delete_product(self, request: Request) -> Answer:
        with self.lock:
            self.existing(self.products, request)
            del self.products[request.id]
        return 204, None, {}

    # orders

    def list_orders(self, request: Request) -> Answer:
        status = request.parameter("status")
        with self.lock:
            found = [order for order in self.orders.values() if status in ("", order["status"])]
        return self.page(request, sorted(found, key=lambda order: -order["id"]), ascending=False)

    def get_order(self, request: Request) -> Answer:
        return 200, self.existing(self.orders, request), {}

    def place_order(self, request: Request) -> Answer:
        key = request.headers["Idempotency-Key"]
        lines = [(int(line["product_id"]), int(line["quantity"])) for line in request.body["lines"]]
        with self.exclusively(key):
            if key in self.placed:
                return self.replay(lines, *self.placed[key])
            order = self.new_order(lines)
            self.placed[key] = (idempotency.fingerprint(lines), order)
        return 201, order, {"Location": f"/orders/{order['id']}"}

    def exclusively(self, key: str) -> Any:
        with self.lock:
            return self.key_locks[key]

    def replay(self, lines: list[tuple[int, int]], fingerprint: str, order: Any) -> Answer:
        if fingerprint != idempotency.fingerprint(lines):
            raise Problem("idempotency-key-reused", "The key placed another order")
        return 201, order, {"Location": f"/orders/{order['id']}", "Idempotency-Replayed": "true"}

    def new_order(self, lines: list[tuple[int, int]]) -> Any:
        offers = self.offers([product_id for product_id, _ in lines])
        try:
            priced, total, currency = price(lines, offers)
        except CurrenciesDiffer as error:
            raise Problem("currencies-differ", str(error)) from None
        self.take_stock(lines)
        with self.lock:
            order: dict[str, Any] = {
                "id": next(self.ids),
                "status": "placed",
                "lines": [
                    {
                        "product_id": line.product_id,
                        "name": line.name,
                        "quantity": line.quantity,
                        "unit_price": {"amount_minor": line.unit_price_minor, "currency": line.currency},
                    }
                    for line in priced
                ],
                "total": {"amount_minor": total, "currency": currency},
                "created_at": _now(),
                "updated_at": _now(),
            }
            self.orders[order["id"]] = order
            self.streams.happened(order["id"], order["status"])
            return order

    def take_stock(self, lines: list[tuple[int, int]]) -> None:
        with self.lock:
            if any(self.stock.get(product_id, 0) < quantity for product_id, quantity in lines):
                raise Problem("out-of-stock", "There is too little")
            for product_id, quantity in lines:
                self.stock[product_id] -= quantity

    def offers(self, product_ids: list[int]) -> Mapping[int, Offer]:
        pool = ThreadPoolExecutor(len(product_ids))
        asked: dict[int, Future[Offer]] = {each: pool.submit(self.offer, each) for each in product_ids}
        pool.shutdown(wait=False)
        if wait(asked.values(), self.catalog_deadline_s).not_done:
            raise Problem("upstream-timeout", "The catalog did not answer in time")
        failures = [error for future in asked.values() if isinstance(error := future.exception(), Problem)]
        if failures:
            raise max(failures, key=lambda failure: failure.status)
        return {product_id: future.result() for product_id, future in asked.items()}

    def offer(self, product_id: int) -> Offer:
        connection = HTTPConnection(self.catalog.hostname or "", self.catalog.port, timeout=10)
        try:
            connection.request("GET", f"/products/{product_id}")
            response = connection.getresponse()
            body = response.read()
            if response.status == 404:
                raise Problem("product-unknown", "The catalog does not have it")
            if response.status != 200:
                raise unavailable(f"The catalog answered {response.status}")
            return _offer(json.loads(body))
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            raise unavailable(f"The catalog answered wrongly: {error}") from None
        finally:
            connection.close()

    def move_order(self, request: Request) -> Answer:
        with self.lock:
            order = self.existing(self.orders, request)
            to = OrderStatus(request.body["to"])
            if not self.may_move(OrderStatus(order["status"]), to):
                raise Problem("transition-refused", "Not from here")
            if gives_stock_back(to):
                self.give_back(order["lines"])
            self.orders[order["id"]] = {**order, "status": to.value, "updated_at": _now()}
            self.streams.happened(order["id"], to.value)
            return 200, self.orders[order["id"]], {}

    def may_move(self, current: OrderStatus, to: OrderStatus) -> bool:
        return may_move(current, to)

    def give_back(self, lines: list[Any]) -> None:
        for line in lines:
            self.stock[line["product_id"]] += line["quantity"]

    def set_stock(self, request: Request) -> Answer:
        with self.lock:
            self.stock[request.id] = int(request.body["quantity"])
        return 200, {"product_id": request.id, "quantity": int(request.body["quantity"])}, {}

    def stream_order(self, request: Request) -> Answer:
        last = int(request.headers.get("Last-Event-ID") or 0)
        return self.streams.answer(request.id, last, request.method == "HEAD", request.gone)

    # recommend

    def recommend(self, request: Request) -> Answer:
        embeddings = [[int(value) for value in embedding] for embedding in request.body["embeddings"]]
        found = _nearest().of(embeddings, int(request.body.get("k", 10)))
        return 200, {"neighbours": [[_neighbour(*neighbour) for neighbour in each] for each in found]}, {}


@cache
def _nearest() -> Nearest:
    return Nearest(model.build())


def _neighbour(product_id: int, squared_distance: int) -> dict[str, int]:
    return {"product_id": product_id, "squared_distance": squared_distance}


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@lru_cache(30_000)
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


@cache
def _seeded() -> Mapping[int, Any]:
    then = "2026-01-01T00:00:00Z"
    return {
        row[0]: {
            "id": row[0],
            "sku": row[1],
            "name": row[2],
            "description": row[3],
            "category": row[4],
            "price": {"amount_minor": row[5], "currency": row[6]},
            "created_at": then,
            "updated_at": then,
        }
        for row in seed.products()
    }


def _product(body: Any) -> dict[str, Any]:
    amount = int(body["price"]["amount_minor"])
    return {"description": "", **body, "price": {"amount_minor": amount, "currency": body["price"]["currency"]}}


def _offer(document: Any) -> Offer:
    name, amount, currency = document["name"], document["price"]["amount_minor"], document["price"]["currency"]
    if not (isinstance(name, str) and type(amount) is int and isinstance(currency, str)):
        raise ValueError("not a product")
    return Offer(name, amount, currency)
