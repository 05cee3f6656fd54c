"""What a stream of the Flask variant holds and gives back, and when it ends. The contract has what it tells."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, cast

import psycopg
import pytest
from flask import Flask
from flask_service.app import create_app
from flask_service.extensions import database
from serving.streams import ENVIRON_KEY, Full, Streams
from shop.orders import OrderStatus
from shop.settings import Database, Role
from shop.streams import CHANNEL
from sqlalchemy import Engine, QueuePool
from werkzeug.test import create_environ
from werkzeug.wsgi import ClosingIterator

from lab.runtimes.local import LocalRuntime
from lab.tree import SERVICES
from lab.variants import load_manifests
from tests.services.made import settings

NOWHERE = "postgresql://lab@/shop?host=/nonexistent"

pytestmark = pytest.mark.slow


def orders(database_url: str) -> Flask:
    return create_app(settings(Role.ORDERS, Database.from_url(database_url)))


@pytest.fixture(scope="module")
def database_url(runtime: LocalRuntime) -> str:
    return runtime.database(load_manifests([SERVICES])["flask"], "flask_streams")


@pytest.fixture
def order_id(database_url: str) -> int:
    """Of an order that was just placed."""
    order_id = random.randrange(2**62)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO orders (id, idempotency_key, fingerprint, status, total_minor, currency)"
            " VALUES (%s, gen_random_uuid(), '', 'placed', 1, 'EUR')",
            [order_id],
        )
    reach(database_url, order_id, OrderStatus.PLACED)
    return order_id


def reach(database_url: str, order_id: int, status: OrderStatus) -> None:
    """As another replica would have it, in one transaction."""
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO order_event (order_id, status) VALUES (%s, %s)", [order_id, status])
        connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(order_id)])


class Follower:
    """Asks an application for streams as the server would, with room for one of them."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.streams = Streams(threads=3)
        self.client, self.server = socket.socketpair()

    def ask(
        self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> tuple[int, ClosingIterator]:
        """The status, and the body, of which nothing is read; whoever asks closes it."""
        environ = create_environ(path, method=method, headers=headers)
        environ |= {ENVIRON_KEY: self.streams, "gunicorn.socket": self.server}
        statuses: list[str] = []

        def start_response(status: str, *_: Any) -> Callable[[bytes], object]:
            statuses.append(status)
            return bytes

        body = self.app(environ, start_response)
        return int(statuses[0][:3]), cast(ClosingIterator, body)

    def follow(self, order_id: int) -> ClosingIterator:
        status, body = self.ask(f"/orders/{order_id}/events")
        assert status == 200
        return body

    def has_room(self) -> bool:
        try:
            with self.streams.open("", self.server):
                return True
        except Full:
            return False


@pytest.fixture(scope="module")
def follower(database_url: str) -> Iterator[Follower]:
    follower = Follower(orders(database_url))
    with follower.client, follower.server:
        yield follower


LAST = str(2**63 - 1)

UNREAD: list[tuple[str, str, str, dict[str, str], int]] = [
    # case                          method   order      headers                  -> status
    ("a stream",                    "GET",   "{}",      {},                         200),
    ("HEAD",                        "HEAD",  "{}",      {},                         200),
    ("no such order",               "GET",   LAST,      {},                         404),
    ("not an id",                   "GET",   "x",       {},                         422),
    ("a last event that is no id",  "GET",   "{}",      {"Last-Event-ID": "x"},     422),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "order", "headers", "status"), [case[1:] for case in UNREAD], ids=[case[0] for case in UNREAD]
)
def test_an_answer_that_nobody_reads_gives_its_room_back(
    follower: Follower, order_id: int, method: str, order: str, headers: dict[str, str], status: int
) -> None:
    answered, body = follower.ask(f"/orders/{order.format(order_id)}/events", method, headers)
    body.close()
    assert (answered, follower.has_room()) == (status, True)


def test_a_stream_without_a_database_is_refused_and_gives_its_room_back() -> None:
    follower = Follower(orders(NOWHERE))
    with follower.client, follower.server:
        status, _ = follower.ask("/orders/1/events")
    assert (status, follower.has_room()) == (503, True)


def test_a_stream_that_waits_holds_no_connection_of_the_pool(
    follower: Follower, order_id: int, database_url: str
) -> None:
    with closing(follower.follow(order_id)) as body:
        assert b"placed" in next(body)
        with follower.app.app_context(), database.autocommit() as session:
            pool = cast(Engine, session.get_bind()).pool
        assert cast(QueuePool, pool).checkedout() == 0
        assert not follower.has_room()


def test_a_stream_follows_to_the_final_state(follower: Follower, order_id: int, database_url: str) -> None:
    with closing(follower.follow(order_id)) as body:
        assert b"placed" in next(body)
        reach(database_url, order_id, OrderStatus.CANCELLED)
        assert [b"cancelled" in event for event in body] == [True]
    assert follower.has_room()


def test_a_stream_ends_when_its_time_is_over(
    follower: Follower, order_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(follower.app.config, "STREAM_MAX_S", 0.05)
    with closing(follower.follow(order_id)) as body:
        assert len(list(body)) == 1


def test_streams_end_when_nobody_listens_and_the_next_one_listens_anew(
    follower: Follower, order_id: int, database_url: str
) -> None:
    with closing(follower.follow(order_id)) as body:
        assert b"placed" in next(body)
        with psycopg.connect(database_url) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'")
        assert list(body) == []
    with closing(follower.follow(order_id)) as body:
        assert b"placed" in next(body)
        reach(database_url, order_id, OrderStatus.CONFIRMED)
        assert b"confirmed" in next(body)
