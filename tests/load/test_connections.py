"""When connections are opened and renewed, and which requests are sent again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
import uvloop

from lab.core.scenario import Request
from lab.load import client
from lab.load.requests import plan
from lab.tree import contract_operations
from tests.load.server import (
    CLOSED,
    GET_PRODUCT,
    MOVE_ORDER_7,
    PING,
    PLACE_ORDER,
    Answer,
    Reply,
    Seen,
    Server,
    make_load,
    measure,
    reply,
)

Serve = Callable[[Answer], Server]

ORDER = '{"id":1,"status":"placed","lines":[],"total":{},"created_at":"","updated_at":""}'
PRODUCT = '{"id":7,"sku":"","name":"","description":"","category":"","price":{},"created_at":"","updated_at":""}'


def test_idle_connections_take_turns(serve: Serve) -> None:
    server = serve(lambda seen: reply())

    measured = measure(make_load(server.url, rate_per_s=100, duration_s=0.4))

    assert server.connections == 10
    assert set(Counter(seen.connection for seen in server.seen).values()) == {4}
    assert sum(measured.requests_by_connection.values()) == 40
    assert len(measured.requests_by_connection) == 10


def test_a_request_that_finds_no_idle_connection_opens_one(serve: Serve) -> None:
    server = serve(lambda seen: reply(after_s=0.3))

    measured = measure(make_load(server.url, rate_per_s=100, duration_s=0.2))

    assert server.connections == 20
    assert measured.errors == {}


def test_connections_are_renewed_after_some_requests(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "RENEW_AFTER_REQUESTS", 4)
    server = serve(lambda seen: reply())

    measured = measure(make_load(server.url, rate_per_s=200, duration_s=0.5))

    assert (measured.errors, measured.retried) == ({}, 0)
    assert max(seen.nth for seen in server.seen) <= 4 * client.RENEW_JITTER[1]
    assert server.connections >= 100 / 6


def test_connections_are_renewed_after_some_time(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "RENEW_AFTER_S", 0.1)
    server = serve(lambda seen: reply())

    measured = measure(make_load(server.url, rate_per_s=100, duration_s=0.5))

    assert (measured.errors, measured.retried) == ({}, 0)
    assert server.connections > 20


def test_an_answer_may_close_its_connection(serve: Serve) -> None:
    server = serve(lambda seen: reply(headers="Connection: close\r\n", close=True))

    measured = measure(make_load(server.url))

    assert (measured.errors, measured.retried) == ({}, 0)
    assert {seen.nth for seen in server.seen} == {1}


def closes_reused(right: Reply) -> Answer:
    """Closes a connection, unanswered, when its second request arrives: as if it had just been closed as idle."""
    return lambda seen: right if seen.nth == 1 else CLOSED


RESENT = [
    # case                          request       its right answer
    ("idempotent method", GET_PRODUCT, reply(PRODUCT)),
    ("with an idempotency key", PLACE_ORDER, reply(ORDER, "201 Created", "Location: /orders/1\r\n")),
]


@pytest.mark.parametrize(("request_", "right"), [c[1:] for c in RESENT], ids=[c[0] for c in RESENT])
def test_sent_again_after_a_reused_connection_closed(serve: Serve, request_: Request, right: Reply) -> None:
    server = serve(closes_reused(right))

    measured = measure(make_load(server.url, request_, rate_per_s=100, duration_s=0.2))

    assert measured.errors == {}
    assert measured.retried == len([seen for seen in server.seen if seen.nth == 2]) > 0
    assert len(server.seen) == 20 + measured.retried


def test_the_same_key_is_sent_again(serve: Serve) -> None:
    server = serve(closes_reused(reply(ORDER, "201 Created", "Location: /orders/1\r\n")))

    measured = measure(make_load(server.url, PLACE_ORDER))

    times_by_key = Counter(seen.headers["idempotency-key"] for seen in server.seen)
    assert len(times_by_key) == 20
    assert Counter(times_by_key.values()) == {1: 20 - measured.retried, 2: measured.retried}


def test_not_sent_again_without_a_key(serve: Serve) -> None:
    server = serve(closes_reused(reply(ORDER)))

    measured = measure(make_load(server.url, MOVE_ORDER_7))

    assert measured.retried == 0
    assert len(server.seen) == 20
    assert measured.errors == {"connection closed": len([seen for seen in server.seen if seen.nth == 2])}


def test_sent_again_only_once(serve: Serve) -> None:
    server = serve(lambda seen: CLOSED)

    measured = measure(make_load(server.url))

    assert measured.retried <= 20
    assert measured.errors == {"connection closed": 20}
    assert len(server.seen) == 20 + measured.retried


def test_not_sent_again_once_an_answer_began(serve: Serve) -> None:
    server = serve(lambda seen: reply() if seen.nth == 1 else Reply(b"HTTP/1.1 200 OK\r\n", close=True))

    measured = measure(make_load(server.url))

    assert measured.retried == 0
    assert measured.errors == {"connection closed": 10}


def test_latency_of_a_request_sent_again_counts_from_the_schedule(serve: Serve) -> None:
    def answer(seen: Seen) -> Reply:
        return reply() if seen.nth == 1 else Reply(b"", after_s=0.2, close=True)

    measured = measure(make_load(serve(answer).url, PING, rate_per_s=10, duration_s=0.2))

    assert measured.retried == 1
    assert measured.latency_ms["max"] == pytest.approx(200, abs=50)


@pytest.mark.parametrize("turns", range(4))
def test_a_pool_ends_while_it_opens_a_connection(serve: Serve, turns: int) -> None:
    """However many turns of the loop it has been opening it for."""
    load = make_load(serve(lambda seen: reply()).url)

    async def end() -> None:
        pool = await client.connected(load.urls["catalog"], 2, 1, lambda *_: None)
        for exchange in plan(load, contract_operations(), {}).exchanges[:3]:
            pool.submit(exchange)
        for _ in range(turns):
            await asyncio.sleep(0)
        await asyncio.wait_for(pool.stop(), timeout=2)

    uvloop.run(end())
