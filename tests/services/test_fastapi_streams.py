"""What a stream of the FastAPI variant tells, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from fastapi_service.app import create_app
from fastapi_service.database import NoConnectionError
from fastapi_service.orders.events import Bell, OrderStream
from fastapi_service.orders.service import Orders
from shop import streams
from shop.settings import Database, Role

from lab.runtimes.local import LocalRuntime
from lab.tree import SERVICES
from lab.variants import load_manifests
from tests.services.made import settings

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
PLACED, SHIPPED = (7, "placed", MOMENT), (9, "shipped", MOMENT)


async def told(reads: Sequence[Sequence[Any] | Exception], *, seen: int = 0, max_s: float = 5.0) -> bytes:
    """All that a stream sends whose order has these events when it looks, and looks again because its bell rings."""
    left = list(reads)

    async def read() -> Any:
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        if left:
            bell.ring()
        return found

    bell = Bell()
    stream = OrderStream(bell, read, seen, max_s)
    await stream.look()
    return b"".join([chunk async for chunk in stream.chunks(wait=True)])


TOLD = [
    # case                              what is read, one time after another          seen  told
    ("a final state ends it",           [[PLACED], [PLACED, SHIPPED]],                   0, [PLACED, SHIPPED]),
    ("only what the client lacks",      [[PLACED], [PLACED, SHIPPED]],                   7, [SHIPPED]),
    ("what is read twice is told once", [[PLACED], [PLACED], [PLACED, SHIPPED]],         0, [PLACED, SHIPPED]),
    ("a database that fails ends it",   [[PLACED], NoConnectionError("refused")],        0, [PLACED]),
    ("a pool without room ends it",     [[PLACED], TimeoutError()],                      0, [PLACED]),
]  # fmt: skip


@pytest.mark.parametrize(("reads", "seen", "events"), [c[1:] for c in TOLD], ids=[c[0] for c in TOLD])
def test_what_a_stream_tells(reads: Any, seen: int, events: Any) -> None:
    assert asyncio.run(told(reads, seen=seen)) == b"".join(streams.event(*event) for event in events)


def test_a_quiet_stream_beats_from_what_it_sent_last_and_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.2)
    assert asyncio.run(told([[PLACED], [PLACED]], max_s=0.5)) == streams.event(*PLACED) + 2 * streams.HEARTBEAT


@asynccontextmanager
async def orders_replica(database_url: str) -> AsyncIterator[tuple[Orders, Callable[..., Any]]]:
    """What the role does, and a request for a stream, sent to the application without a server."""
    app = create_app(settings(Role.ORDERS, Database.from_url(database_url)))
    ending = asyncio.Event()

    async def ask(order_id: int, receive: Any, send: Any, method: str = "GET") -> None:
        path = f"/orders/{order_id}/events"
        scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b"", "root_path": ""}
        await app({**scope, "state": {**state, "ending": ending}}, receive, send)

    async with app.router.lifespan_context(app) as found:
        state = dict(found or {})
        yield state["orders"], ask


@pytest.fixture(scope="module")
def database_url(runtime: LocalRuntime) -> str:
    return runtime.database(load_manifests([SERVICES])["fastapi"], "fastapi_streams")


@pytest.fixture(scope="module")
def order_id(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "WITH placed AS (INSERT INTO orders (idempotency_key, fingerprint, status, total_minor, currency)"
            " VALUES ('key', '', 'placed', 1, 'EUR') RETURNING id)"
            " INSERT INTO order_event (order_id, status) SELECT id, 'placed' FROM placed RETURNING order_id"
        ).fetchone()
    assert found is not None
    return int(found[0])


class Client:
    """Reads so many messages, and then keeps whoever sends waiting; hangs up when it is told to."""

    def __init__(self, reads: int = 1000) -> None:
        self.sent: list[Mapping[str, Any]] = []
        self.opened = asyncio.Event()  # the head and the first event have come, or as much as it reads
        self.gone = asyncio.Event()
        self._reads = reads

    async def send(self, message: Mapping[str, Any]) -> None:
        self.sent.append(message)
        if len(self.sent) > min(self._reads, 1):
            self.opened.set()
        if len(self.sent) > self._reads:
            await asyncio.Event().wait()

    async def receive(self) -> Mapping[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}


CLIENTS = [("waits", 1000), ("does not read events", 1), ("does not even read the head", 0)]


@pytest.mark.slow
@pytest.mark.parametrize("reads", [c[1] for c in CLIENTS], ids=[c[0] for c in CLIENTS])
def test_nothing_waits_for_a_client_that_has_gone(database_url: str, order_id: int, reads: int) -> None:
    async def open_and_hang_up() -> tuple[int, int]:
        async with orders_replica(database_url) as (orders, ask), asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            client = Client(reads)
            asked = tasks.create_task(ask(order_id, client.receive, client.send))
            await client.opened.wait()
            before = orders.listener.waiting
            client.gone.set()
            await asked
            return before, orders.listener.waiting

    assert asyncio.run(open_and_hang_up()) == (1, 0)


REFUSED = [("no such order", "GET", 1, 404), ("HEAD", "HEAD", 0, 200)]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "beyond", "status"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_nothing_waits_after_an_answer(database_url: str, order_id: int, method: str, beyond: int, status: int) -> None:
    async def ask_once() -> tuple[int, int]:
        async with orders_replica(database_url) as (orders, ask):
            client = Client()
            await asyncio.wait_for(ask(order_id + beyond, client.receive, client.send, method), 5)
            return client.sent[0]["status"], orders.listener.waiting

    assert asyncio.run(ask_once()) == (status, 0)


@pytest.mark.slow
def test_a_lost_connection_ends_the_streams_and_the_next_one_listens_anew(database_url: str, order_id: int) -> None:
    lose = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query LIKE 'LISTEN %'"
    )

    async def listen_and_lose() -> list[tuple[int, Mapping[str, Any]]]:
        found = []
        async with orders_replica(database_url) as (_, ask), asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            for _ in range(2):
                client = Client()
                asked = tasks.create_task(ask(order_id, client.receive, client.send))
                await client.opened.wait()
                with psycopg.connect(database_url) as connection:
                    (lost,) = connection.execute(lose).fetchone() or (0,)
                await asked
                found.append((lost, client.sent[-1]))
        return found

    end = {"type": "http.response.body", "body": b"", "more_body": False}
    assert asyncio.run(listen_and_lose()) == [(1, end), (1, end)]
