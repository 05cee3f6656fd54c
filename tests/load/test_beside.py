"""Requests beside the workload: on a schedule of their own, and measured apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lab.core.scenario import Request
from lab.load.requests import Plan, plan
from lab.ports import Load
from lab.tree import contract_operations
from tests.load.server import CLOSED, GET_PRODUCT, PING, Answer, Reply, Seen, Server, make_load, measure, reply

Serve = Callable[[Answer], Server]

ANY_PRODUCT = Request("getProduct", 1, {"product_id": {"integer": [1, 10_000]}}, {}, {}, None)
PRODUCT = '{"id":7,"sku":"","name":"","description":"","category":"","price":{},"created_at":"","updated_at":""}'


def both(url: str, rate_per_s: float = 50, beside_per_s: float = 100) -> Load:
    """Products as the workload, pings beside it."""
    return make_load(url, GET_PRODUCT, rate_per_s=rate_per_s, beside=PING, beside_per_s=beside_per_s)


def planned(load: Load) -> Plan:
    return plan(load, contract_operations(), {})


SCHEDULES = [
    # workload and beside, per s    due, in ms: workload      beside
    ((25, 25), [0, 40, 80, 120, 160], [20, 60, 100, 140, 180]),
    ((10, 25), [0, 100], [20, 60, 100, 140, 180]),
    ((10, 0), [0, 100], []),
    ((0, 10), [], [50, 150]),
    ((0, 0), [], []),
]


@pytest.mark.parametrize(("rates", "workload", "beside"), SCHEDULES)
def test_two_schedules_in_one_order(rates: tuple[float, float], workload: list[float], beside: list[float]) -> None:
    exchanges = planned(both("http://127.0.0.1:1", *rates)).exchanges

    assert [e.due * 1000 for e in exchanges if not e.beside] == pytest.approx(workload)
    assert [e.due * 1000 for e in exchanges if e.beside] == pytest.approx(beside)
    assert [e.due for e in exchanges] == sorted(e.due for e in exchanges)


def test_the_workload_is_the_same_with_and_without() -> None:
    load = make_load("http://127.0.0.1:1", ANY_PRODUCT, beside=ANY_PRODUCT, beside_per_s=100)
    alone = planned(replace(load, beside_per_s=0)).exchanges
    together = planned(load).exchanges

    assert [e.payload for e in together if not e.beside] == [e.payload for e in alone]
    assert [e.payload for e in together if e.beside] != [e.payload for e in alone]


def test_each_has_latencies_and_errors_of_its_own(serve: Serve) -> None:
    def answer(seen: Seen) -> Reply:
        return reply(PRODUCT, after_s=0.2) if "product" in seen.path else reply(status="500 Internal Server Error")

    measured = measure(both(serve(answer).url))

    assert (measured.rate_per_s, measured.scheduled, measured.answered, measured.errors) == (50, 10, 10, {})
    assert measured.latency_ms["p50"] == pytest.approx(200, abs=50)
    beside = measured.beside
    assert beside
    assert (beside.rate_per_s, beside.scheduled, beside.answered, beside.errors) == (100, 20, 0, {"status 500": 20})
    assert beside.latency_ms["p50"] < 50
    assert sum(measured.requests_by_connection.values()) == 30


def test_no_workload(serve: Serve) -> None:
    measured = measure(both(serve(lambda seen: reply()).url, rate_per_s=0))

    assert (measured.scheduled, measured.answered, measured.errors, set(measured.latency_ms.values())) == (
        0,
        0,
        {},
        {0},
    )
    assert measured.beside
    assert measured.beside.answered == 20


def test_nothing_beside(serve: Serve) -> None:
    measured = measure(both(serve(lambda seen: reply(PRODUCT)).url, beside_per_s=0))

    assert (measured.answered, measured.beside) == (10, None)


def test_nothing_at_all() -> None:
    measured = measure(both("http://127.0.0.1:1", 0, 0))

    assert (measured.scheduled, measured.beside, measured.errors) == (0, None, {})
    assert measured.duration_s == pytest.approx(0.2, abs=0.1)


def test_what_is_sent_again_counts_where_it_belongs(serve: Serve) -> None:
    """Pings are not answered but on a new connection, so that they are sent again; products always are."""

    def answer(seen: Seen) -> Reply:
        return reply(PRODUCT) if "product" in seen.path else reply() if seen.nth == 1 else CLOSED

    server = serve(answer)

    measured = measure(both(server.url))

    assert measured.beside
    assert measured.beside.retried == len(server.seen) - 30 > 0
    assert measured.retried == 0


ROLES = [
    # role of the ping       where it is sent
    ("", "catalog"),
    ("catalog", "catalog"),
    ("orders", "orders"),
]


@pytest.mark.parametrize(("role", "sent_to"), ROLES)
def test_what_every_role_answers_is_sent_where_the_scenario_says(role: str, sent_to: str) -> None:
    urls = {"catalog": "http://127.0.0.1:1", "orders": "http://127.0.0.1:2"}
    load = replace(make_load("", replace(PING, role=role)), urls=urls)

    assert planned(load).exchanges[0].kind.url == urls[sent_to]
