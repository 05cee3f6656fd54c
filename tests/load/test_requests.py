"""The bytes that are sent, and the ids that later requests use."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from lab.core.scenario import Request
from lab.load.requests import Ids, Plan, plan
from lab.tree import contract_operations
from tests.load.server import (
    GET_ORDER,
    MOVE_ORDER,
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

URL = "http://127.0.0.1:8000"
HEAD = "HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: framework-lab\r\nAccept: application/json\r\n"

CASES = [
    # case             request                                                             -> bytes
    ("a path", Request("getProduct", 1, {"product_id": 7}, {}, {}, None), f"GET /products/7 {HEAD}\r\n"),
    (
        "a query is escaped",
        Request("listProducts", 1, {}, {"limit": 20, "q": "oak & steel"}, {}, None),
        f"GET /products?limit=20&q=oak%20%26%20steel {HEAD}\r\n",
    ),
    (
        "a body and a token where the operation needs one",
        Request("moveOrder", 1, {"order_id": 7}, {}, {}, {"to": "shipped"}),
        f"POST /orders/7/transitions {HEAD}Authorization: Bearer a-token\r\nContent-Type: application/json\r\n"
        'Content-Length: 16\r\n\r\n{"to":"shipped"}',
    ),
]


def planned(*requests: Request, ids: Ids | None = None, seed: int = 1, duration_s: float = 1.0) -> Plan:
    load = make_load(URL, *requests, rate_per_s=100, duration_s=duration_s, seed=seed)
    return plan(load, contract_operations(), {} if ids is None else ids)


@pytest.mark.parametrize(("request_", "sent"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_bytes(request_: Request, sent: str) -> None:
    assert planned(request_).exchanges[0].payload.decode() == sent


def test_keys_are_never_the_same() -> None:
    payloads = [e.payload for made in (planned(PLACE_ORDER), planned(PLACE_ORDER)) for e in made.exchanges]
    keys = {re.search(rb"Idempotency-Key: (\w{16})\r\n", payload) for payload in payloads}
    assert len({key[1] for key in keys if key}) == 200


MIX = (
    Request("getProduct", 3, {"product_id": {"integer": [1, 10_000]}}, {}, {}, None),
    Request("listProducts", 1, {}, {"category": {"choice": ["bath", "toys"]}}, {}, None),
)


def test_the_same_seed_sends_the_same() -> None:
    first, second, other = ([exchange.payload for exchange in planned(*MIX, seed=seed).exchanges] for seed in (5, 5, 6))
    assert first == second
    assert first != other


def test_weights_are_shares() -> None:
    exchanges = planned(*MIX, duration_s=40).exchanges
    share = sum(b"GET /products/" in exchange.payload for exchange in exchanges) / len(exchanges)
    assert share == pytest.approx(0.75, abs=0.03)


def path_when_leaving(made: Plan) -> str:
    exchange = made.exchanges[0]
    made.leave(exchange)
    return exchange.payload.decode().split(" HTTP", 1)[0]


ONLY_GET = replace(GET_ORDER, weight=1e6)
ONLY_MOVE = replace(MOVE_ORDER, weight=1e6)


def test_without_an_id_the_request_that_makes_one_is_sent() -> None:
    made = planned(ONLY_GET, PLACE_ORDER)
    assert path_when_leaving(made) == "POST /orders"
    assert made.exchanges[0].kind.operation.id == "placeOrder"
    assert json.loads(made.exchanges[0].payload.rpartition(b"\r\n\r\n")[2]) == PLACE_ORDER.body


def test_pick_leaves_the_id() -> None:
    ids = {"placeOrder": [b"44"]}
    assert path_when_leaving(planned(ONLY_GET, PLACE_ORDER, ids=ids)) == "GET /orders/44"
    assert ids == {"placeOrder": [b"44"]}


def test_take_removes_the_id() -> None:
    ids = {"placeOrder": [b"44"]}
    assert path_when_leaving(planned(ONLY_MOVE, PLACE_ORDER, ids=ids)) == "POST /orders/44/transitions"
    assert ids == {"placeOrder": []}


def test_an_id_is_the_last_part_of_the_location() -> None:
    ids: Ids = {}
    planned(GET_ORDER, PLACE_ORDER, ids=ids).learn("placeOrder", b"/orders/45")
    assert ids == {"placeOrder": [b"45"]}


def test_ids_that_nobody_uses_are_not_kept() -> None:
    ids: Ids = {}
    planned(PLACE_ORDER, ids=ids).learn("placeOrder", b"/orders/45")
    assert ids == {}


def test_checkout_asks_only_for_orders_that_were_placed_and_moves_each_once(serve: Serve) -> None:
    placed: list[str] = []
    chance = Random(1)

    def answer(seen: Seen) -> Reply:
        members = '"status":"placed","lines":[],"total":{},"created_at":"","updated_at":""}'
        if seen.path == "/orders":
            placed.append(str(chance.randint(1, 10**9)))
            return reply(f'{{"id":{placed[-1]},{members}', "201 Created", f"Location: /orders/{placed[-1]}\r\n")
        return reply(f'{{"id":1,{members}') if seen.path.split("/")[2] in placed else reply(status="404 Not Found")

    server = serve(answer)
    ids: Ids = {}
    load = make_load(server.url, PLACE_ORDER, GET_ORDER, MOVE_ORDER, rate_per_s=300, duration_s=0.3)
    first, second = measure(load, ids), measure(load, ids)

    moved = [seen.path for seen in server.seen if seen.path.endswith("/transitions")]
    assert (first.errors, second.errors) == ({}, {})
    assert len(moved) == len(set(moved)) > 10
    assert sorted(ids["placeOrder"]) == sorted(
        order.encode() for order in placed if f"/orders/{order}/transitions" not in moved
    )
