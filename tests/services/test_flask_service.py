"""What only the Flask variant decides: which paths a role has, how marshmallow's messages become the contract's field
errors, and what a dead database, cache or catalog leads to. The contract itself is tested by its checker."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from flask_service.app import create_app
from flask_service.catalog.views import CREATE_PRODUCT, LIST_PRODUCTS
from flask_service.extensions import cache, prices
from flask_service.inputs import load
from flask_service.orders.views import PLACE_ORDER
from flask_service.recommend.views import RECOMMEND
from shop.orders import Offer
from shop.problems import Problem
from shop.settings import CACHE_TIMEOUT_S, CATALOG_TIMEOUT_S, Role

from tests.services.made import settings

MARGIN_S = 1.0  # for a busy machine


def app_for(role: Role, cache_url: str = "", catalog_url: str = "http://127.0.0.1:9") -> Flask:
    return create_app(settings(role, cache_url=cache_url, catalog_url=catalog_url))


PATHS: list[tuple[Role, set[str]]] = [
    (Role.PING, set()),
    (Role.CATALOG, {"/products", "/products/<product_id>"}),
    (
        Role.ORDERS,
        {
            "/orders",
            "/orders/<order_id>",
            "/orders/<order_id>/events",
            "/orders/<order_id>/transitions",
            "/stock/<product_id>",
        },
    ),
    (Role.RECOMMEND, {"/recommendations"}),
]


@pytest.mark.parametrize(("role", "paths"), PATHS)
def test_a_role_has_its_own_paths_beside_those_of_every_role(role: Role, paths: set[str]) -> None:
    found = {rule.rule for rule in app_for(role).url_map.iter_rules()}
    assert found == paths | {"/ping", "/docs/", "/docs/<path:path>", "/openapi.json"}


def test_the_page_needs_nothing_from_elsewhere() -> None:
    client = app_for(Role.PING).test_client()
    page = client.get("/docs/").text
    links = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert links
    assert {link: status for link in links if (status := client.get(link).status_code) != 200} == {}
    assert '"url": "/openapi.json"' in page


def test_what_few_requests_need_is_not_loaded_at_the_start() -> None:
    """Nor, while telemetry is off, what tells of them. The rest of OpenTelemetry redis-py loads where it finds it."""
    code = """
import sys
from flask_service.__main__ import load_app
from telemetry.setup import OFF
from tests.services.made import settings
from shop.settings import Role
for role in (Role.CATALOG, Role.ORDERS):
    load_app(settings(role), OFF)
not_yet = {'yaml', 'numpy', 'prometheus_client', 'opentelemetry.instrumentation', 'opentelemetry.exporter'}
print(not_yet & set(sys.modules))
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


PRODUCT = {"sku": "GAR-1", "name": "Lamp", "category": "garden", "price": {"amount_minor": 1, "currency": "EUR"}}
LINE = {"product_id": 1, "quantity": 1}
EMBEDDING = [-127, 127, 44.0, *[0] * 61]
LINES_20 = [{"product_id": product_id, "quantity": 1} for product_id in range(1, 21)]

BODIES: list[tuple[str, Any, Any, set[str]]] = [
    # case                                schema          body                                    -> pointers
    ("not an object", CREATE_PRODUCT, [], {""}),
    ("null", CREATE_PRODUCT, None, {""}),
    ("all is missing", CREATE_PRODUCT, {}, {"/sku", "/name", "/category", "/price"}),
    ("a member of a member", CREATE_PRODUCT, {**PRODUCT, "price": {"amount_minor": 1}}, {"/price/currency"}),
    ("a member too many", CREATE_PRODUCT, {**PRODUCT, "a/b~c": 1}, {"/a~1b~0c"}),
    ("a member called as marshmallow calls the whole", CREATE_PRODUCT, {**PRODUCT, "_schema": 1}, {"/_schema"}),
    ("text where an object belongs", CREATE_PRODUCT, {**PRODUCT, "price": "1 EUR"}, {"/price"}),
    ("a newline at the end", CREATE_PRODUCT, {**PRODUCT, "category": "garden\n"}, {"/category"}),
    ("NUL", CREATE_PRODUCT, {**PRODUCT, "name": "a\x00"}, {"/name"}),
    ("a lone surrogate", CREATE_PRODUCT, {**PRODUCT, "description": "\ud800"}, {"/description"}),
    ("no lines", PLACE_ORDER, {"lines": []}, {"/lines"}),
    ("lines in an object", PLACE_ORDER, {"lines": {}}, {"/lines"}),
    ("a product twice", PLACE_ORDER, {"lines": [LINE, {"product_id": 1.0, "quantity": 2}]}, {"/lines/1/product_id"}),
    ("null among the lines", PLACE_ORDER, {"lines": [LINE, None]}, {"/lines/1"}),
    ("a quantity of true", PLACE_ORDER, {"lines": [{**LINE, "quantity": True}]}, {"/lines/0/quantity"}),
    ("too many lines, one wrong", PLACE_ORDER, {"lines": [*LINES_20, None]}, {"/lines", "/lines/20"}),
    ("embeddings in an object", RECOMMEND, {"embeddings": {}}, {"/embeddings"}),
    ("no embedding, a k of 0", RECOMMEND, {"embeddings": [], "k": 0}, {"/embeddings", "/k"}),
    ("too many embeddings", RECOMMEND, {"embeddings": [EMBEDDING] * 33}, {"/embeddings"}),
    ("a number among the embeddings", RECOMMEND, {"embeddings": [EMBEDDING, 1]}, {"/embeddings/1"}),
    ("an embedding too short", RECOMMEND, {"embeddings": [EMBEDDING[1:]]}, {"/embeddings/0"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "body", "pointers"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES]
)
def test_every_wrong_field_of_a_body_is_named(schema: Any, body: Any, pointers: set[str]) -> None:
    parts = {"header": {"Idempotency-Key": "k" * 8}} if schema is PLACE_ORDER else {}
    with pytest.raises(Problem) as refused:
        load(schema, body=body, **parts)
    assert {(error.where, error.field) for error in refused.value.errors} == {("body", field) for field in pointers}


def test_parameters_that_are_given_twice_or_wrong_are_named_together() -> None:
    with pytest.raises(Problem) as refused:
        load(LIST_PRODUCTS, query={"limit": ["1", "2"], "cursor": ["x"], "category": [""], "unknown": ["1", "2"]})
    assert {error.field for error in refused.value.errors} == {"limit", "cursor", "category"}


@pytest.mark.parametrize(("written", "limit"), [("1", 1), ("44.0", 44), ("007", 7)])
def test_a_parameter_may_be_written_with_a_zero_fraction(written: str, limit: int) -> None:
    assert load(LIST_PRODUCTS, query={"limit": [written]})["query"]["limit"] == limit


@pytest.mark.parametrize("component", [True, "44", 44.5, 128, -128, 1e300, None, [44]])
def test_a_wrong_component_of_an_embedding_is_named(component: Any) -> None:
    with pytest.raises(Problem) as refused:
        load(RECOMMEND, body={"embeddings": [EMBEDDING, [*EMBEDDING[:63], component]]})
    assert [error.field for error in refused.value.errors] == ["/embeddings/1/63"]


def test_a_component_may_be_written_with_a_zero_fraction() -> None:
    given = load(RECOMMEND, body={"embeddings": [EMBEDDING]})["body"]
    assert (given["embeddings"], given["k"]) == ([EMBEDDING], 10)
    assert {type(component) for component in given["embeddings"][0]} == {int}


def test_a_dead_database_is_unavailable() -> None:
    answer = app_for(Role.CATALOG).test_client().get("/products/1")
    assert (answer.status_code, answer.mimetype, answer.headers["Retry-After"]) == (
        503,
        "application/problem+json",
        "1",
    )


def test_a_failure_of_its_own_is_a_problem_document() -> None:
    app = app_for(Role.PING)

    @app.get("/fails")
    def fails() -> str:
        raise RuntimeError("as it must")

    answer = app.test_client().get("/fails")
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")


@contextmanager
def silent_listener() -> Iterator[int]:
    """The port of something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_silent_cache_costs_a_read_its_deadline_once() -> None:
    with silent_listener() as port, app_for(Role.CATALOG, cache_url=f"redis://127.0.0.1:{port}/0").app_context():
        began = time.monotonic()
        assert cache.read_through(1, lambda: b"{}") == b"{}"
        assert time.monotonic() - began < 2 * CACHE_TIMEOUT_S


def test_a_silent_catalog_is_too_late_at_the_deadline() -> None:
    with silent_listener() as port, app_for(Role.ORDERS, catalog_url=f"http://127.0.0.1:{port}").app_context():
        began = time.monotonic()
        with pytest.raises(Problem) as refused:
            prices.of(range(1, 21))
        assert refused.value.kind == "upstream-timeout"
        assert time.monotonic() - began < CATALOG_TIMEOUT_S + MARGIN_S


@contextmanager
def catalog(answer: Callable[[int], tuple[int, bytes]]) -> Iterator[str]:
    """The address of a catalog that gives `answer` (status, body) for each product id."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(int(self.path.rpartition("/")[2]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Requests are not logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


OFFER = b'{"id": 1, "name": "Lamp", "price": {"amount_minor": 5.0, "currency": "EUR"}}'

CATALOGS: list[tuple[str, Callable[[int], tuple[int, bytes]], str]] = [
    # case                                    answers                                            -> problem
    ("a product is missing", lambda n: (404 if n == 2 else 200, OFFER), "product-unknown"),
    ("an error", lambda n: (500, b""), "dependency-unavailable"),
    ("a missing product beside an error", lambda n: (404 if n == 2 else 500, b""), "dependency-unavailable"),
    ("a redirect", lambda n: (301, OFFER), "dependency-unavailable"),
    ("no JSON", lambda n: (200, b"<html>"), "dependency-unavailable"),
    ("absurd nesting", lambda n: (200, b"[" * 100_000), "dependency-unavailable"),
    ("no product", lambda n: (200, b"[]"), "dependency-unavailable"),
    ("a negative price", lambda n: (200, OFFER.replace(b"5.0", b"-5")), "dependency-unavailable"),
]


@pytest.mark.parametrize(("answer", "kind"), [case[1:] for case in CATALOGS], ids=[case[0] for case in CATALOGS])
def test_what_the_catalog_answers_decides_the_refusal(answer: Callable[[int], tuple[int, bytes]], kind: str) -> None:
    with (
        catalog(answer) as url,
        app_for(Role.ORDERS, catalog_url=url).app_context(),
        pytest.raises(Problem) as refused,
    ):
        prices.of([1, 2, 3])
    assert refused.value.kind == kind


def test_a_catalog_that_is_down_is_unavailable() -> None:
    with app_for(Role.ORDERS).app_context(), pytest.raises(Problem) as refused:
        prices.of([1])
    assert refused.value.kind == "dependency-unavailable"


def test_an_offer_is_what_the_catalog_says_now() -> None:
    with catalog(lambda n: (200, OFFER)) as url, app_for(Role.ORDERS, catalog_url=url).app_context():
        assert prices.of([7]) == {7: Offer("Lamp", 5, "EUR")}
