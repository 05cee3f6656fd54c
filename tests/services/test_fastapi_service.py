"""What only the FastAPI variant promises: what its manifest lists, routes of one role with /ping first, models that are
what the migrations make, answers for what FastAPI and SQLAlchemy raise and for what a catalog may send. The contract
itself is tested by its checker."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import fastapi_service
import httpx
import pytest
import yaml
from fastapi.routing import iter_route_contexts
from fastapi_service.app import create_app
from fastapi_service.database import NoConnectionError
from fastapi_service.orders.prices import Prices
from shop.problems import Problem
from shop.settings import Role
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import DBAPIError

from lab.runtimes.local import LocalRuntime
from lab.variants import load_manifests
from tests.services.made import settings

FOLDER = Path(fastapi_service.__file__).parent


def run(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Python in the variant's folder, with no configuration but `environ`."""
    outside = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, *argv], cwd=FOLDER, env={**outside, **environ}, capture_output=True, text=True, timeout=60
    )


ORDERS = ["/orders/{order_id}", "/orders", "/orders/{order_id}/transitions", "/orders/{order_id}/events"]
PATHS = [
    # role        paths, in the order in which they are tried, between /ping and what describes them
    (Role.PING, []),
    (Role.CATALOG, ["/products/{product_id}", "/products"]),
    (Role.ORDERS, [*ORDERS, "/stock/{product_id}"]),
    (Role.RECOMMEND, ["/recommendations"]),
]


@pytest.mark.parametrize(("role", "paths"), PATHS, ids=[role for role, _ in PATHS])
def test_a_role_has_its_own_paths_only_with_ping_first_and_its_description_last(role: Role, paths: list[str]) -> None:
    routes = iter_route_contexts(create_app(settings(role)).routes)
    assert list(dict.fromkeys(route.path for route in routes)) == ["/ping", *paths, "/openapi.json", "/docs"]


def test_the_manifest_lists_the_middleware() -> None:
    manifest = yaml.safe_load((FOLDER / "service.yaml").read_text(encoding="utf-8"))
    layers = create_app(settings(Role.CATALOG)).user_middleware
    assert manifest["middleware"] == [getattr(layer.cls, "__name__", "?") for layer in layers]


@pytest.mark.slow
def test_the_migrations_make_what_the_models_say(runtime: LocalRuntime) -> None:
    manifest = load_manifests([FOLDER.parent])["fastapi"]
    checked = run("-m", "alembic", "check", DATABASE_URL=runtime.database(manifest, "fastapi_models"))
    assert (checked.returncode, checked.stdout.strip()) == (0, "No new upgrade operations detected."), checked.stderr


async def answer(method: str, path: str, fault: Exception | None = None) -> httpx.Response:
    def fail() -> None:
        raise fault or ZeroDivisionError

    app = create_app(settings(Role.CATALOG))
    app.add_api_route("/fault", fail)
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "state": dict(state or {})}, receive, send)

        transport = httpx.ASGITransport(with_state, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.request(method, path)


PROBLEMS = [
    # case                             method    path            status  kind
    ("no such path",                  "GET",    "/nothing",      404, "not-found"),
    ("a slash too many",              "GET",    "/ping/",        404, "not-found"),
    ("no such method",                "PATCH",  "/products/1",   405, "method-not-allowed"),
    ("a token before the path's id",  "PUT",    "/products/x",   401, "unauthorized"),
    ("a parameter twice",             "GET",    "/products?limit=1&limit=1", 422, "invalid"),
    ("a fault of ours",               "GET",    "/fault",        500, "internal-error"),
    ("no database",                   "GET",    "/products/1",   503, "dependency-unavailable"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "status", "kind"), [c[1:] for c in PROBLEMS], ids=[c[0] for c in PROBLEMS])
def test_whatever_raises_is_answered_as_a_problem(method: str, path: str, status: int, kind: str) -> None:
    answered = asyncio.run(answer(method, path))
    assert (answered.status_code, answered.json()["type"]) == (status, f"urn:framework-lab:problem:{kind}")
    assert answered.headers["content-type"] == "application/problem+json"


def refused(sqlstate: str) -> DBAPIError:
    """As SQLAlchemy raises what PostgreSQL refuses."""
    error = AsyncAdapt_asyncpg_dbapi.Error("refused")
    error.sqlstate = sqlstate  # type: ignore[attr-defined]  # SQLAlchemy sets it so, too
    return DBAPIError("SELECT 1", None, error)


FAULTS = [
    # case                         raised                             status
    ("connection lost",            refused("08006"),                     503),
    ("deadlock",                   refused("40P01"),                     503),
    ("too many connections",       refused("53300"),                     503),
    ("statement cancelled",        refused("57014"),                     503),
    ("no such table",              refused("42P01"),                     500),
    ("no server",                  NoConnectionError("refused"),         503),
    ("no answer to a statement",   TimeoutError(),                       503),
    ("a file that is not there",   FileNotFoundError("template"),        500),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "status"), [c[1:] for c in FAULTS], ids=[c[0] for c in FAULTS])
def test_503_is_for_a_database_that_does_not_answer(fault: Exception, status: int) -> None:
    assert asyncio.run(answer("GET", "/fault", fault)).status_code == status


class Catalog:
    """Answers a product's path with its bytes, and not at all without any. Waits for `at_once` requests first."""

    def __init__(self, answers: Mapping[int, bytes], at_once: int = 1) -> None:
        self._answers = answers
        self._asked = asyncio.Barrier(at_once)
        self.hung_up = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await self._asked.wait()
        body = self._answers.get(int(head.split()[1].removeprefix(b"/products/")))
        if body is None:
            await reader.read()
            self.hung_up.set()
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
        writer.close()


@asynccontextmanager
async def prices_of(catalog: Catalog) -> AsyncIterator[Prices]:
    async with await asyncio.start_server(catalog, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        prices = Prices(f"http://{host}:{port}")
        yield prices
        await prices.close()


async def status_of_price(catalog: Catalog) -> int:
    async with prices_of(catalog) as prices:
        with pytest.raises(Problem) as raised:
            await prices.of([1])
    return raised.value.status


PRICE = b'{"amount_minor":1,"currency":"EUR"}'
NO_PRODUCTS = [
    ("no JSON", b"<html>"),
    ("no object", b"[]"),
    ("nested too deeply", b'{"name":"a","price":' + PRICE + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    ("no price", b'{"name":"a"}'),
    ("a price below zero", b'{"name":"a","price":{"amount_minor":-1,"currency":"EUR"}}'),
    ("a price too high", b'{"name":"a","price":{"amount_minor":1000000001,"currency":"EUR"}}'),
    ("no currency of three letters", b'{"name":"a","price":{"amount_minor":1,"currency":"EURO"}}'),
    ("an empty name", b'{"name":"","price":' + PRICE + b"}"),
    ("a name too long", b'{"name":"' + b"a" * 201 + b'","price":' + PRICE + b"}"),
    ("NUL in a name", b'{"name":"\\u0000","price":' + PRICE + b"}"),
    ("a lone surrogate in a name", b'{"name":"\\ud800","price":' + PRICE + b"}"),
]


@pytest.mark.parametrize("body", [c[1] for c in NO_PRODUCTS], ids=[c[0] for c in NO_PRODUCTS])
def test_what_is_no_product_is_503(body: bytes) -> None:
    assert asyncio.run(status_of_price(Catalog({1: body}))) == 503


def test_the_first_price_that_fails_ends_the_other_reads() -> None:
    async def silent_and_broken() -> None:
        catalog = Catalog({2: b"<html>"}, at_once=2)
        async with prices_of(catalog) as prices:
            with pytest.raises(Problem):
                await prices.of([1, 2])
            await asyncio.wait_for(catalog.hung_up.wait(), 1)

    asyncio.run(silent_and_broken())


def test_prices_that_are_late_are_504() -> None:
    assert asyncio.run(status_of_price(Catalog({}))) == 504


def test_405_names_the_methods_of_all_routes_of_the_path() -> None:
    assert asyncio.run(answer("POST", "/products/1")).headers["allow"] == "DELETE, GET, HEAD, PUT"


@pytest.mark.parametrize("variable", ["LAB_PORT", "LAB_METRICS_PORT"])
def test_a_taken_port_ends_the_start_with_one_line(variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        ports = {name: str(free.getsockname()[1]) for name in ("LAB_PORT", "LAB_METRICS_PORT")}
        ports[variable] = str(taken.getsockname()[1])
        free.close()
        ended = run("-m", "fastapi_service", LAB_ROLE="ping", **ports)
    assert ended.returncode == 2
    assert [line.split(":")[0] for line in ended.stderr.splitlines()] == [variable]


def test_a_role_imports_nothing_that_only_another_needs() -> None:
    loaded = "import sys, fastapi_service.app, fastapi_service.catalog; print({'aiohttp', 'numpy'} & {*sys.modules})"
    assert run("-c", loaded).stdout.strip() == "set()"
