"""Orders over a real catalog: stock stays exact and a key places one order, however many ask at once."""

from __future__ import annotations

import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import httpx
import psycopg
import pytest
from shop.tokens import mint

from lab.core.deployment import Service
from lab.runtimes.local import LocalRuntime

T = TypeVar("T")

AT_ONCE = 50
STOCK = 10

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def orders(replicas: Service, runtime: LocalRuntime) -> Iterator[httpx.Client]:
    """A client that may write; of two replicas, so that no lock of a process can help."""
    token = mint(runtime.token_key(), "orders:write stock:write", time.time())
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
    with httpx.Client(
        base_url=replicas.url, headers={"Authorization": f"Bearer {token}"}, limits=limits, timeout=30
    ) as client:
        yield client


def place(client: httpx.Client, key: str, product_ids: Iterable[int]) -> httpx.Response:
    """An order of one piece of each product."""
    lines = [{"product_id": product_id, "quantity": 1} for product_id in product_ids]
    return client.post("/orders", json={"lines": lines}, headers={"Idempotency-Key": key})


def cancel(client: httpx.Client, order_id: int) -> httpx.Response:
    return client.post(f"/orders/{order_id}/transitions", json={"to": "cancelled"})


def new_keys() -> list[str]:
    return [secrets.token_hex(8) for _ in range(AT_ONCE)]


def at_once(send: Callable[[T], httpx.Response], each: list[T]) -> list[httpx.Response]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(send, each))


def statuses(answers: Iterable[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def stock(database_url: str, product_ids: list[int]) -> list[int]:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT quantity FROM stock WHERE product_id = ANY(%s) ORDER BY product_id", [product_ids]
        ).fetchall()
    return [quantity for (quantity,) in rows]


def test_stock_is_never_oversold(orders: httpx.Client, database_url: str) -> None:
    assert orders.put("/stock/17", json={"quantity": STOCK}).status_code == 200
    answers = at_once(lambda key: place(orders, key, [17]), new_keys())
    assert statuses(answers) == {201: STOCK, 409: AT_ONCE - STOCK}
    assert stock(database_url, [17]) == [0]


def test_one_key_places_one_order(orders: httpx.Client, database_url: str) -> None:
    (before,) = stock(database_url, [18])
    answers = at_once(lambda key: place(orders, key, [18]), [secrets.token_hex(8)] * AT_ONCE)
    assert statuses(answers) == {201: AT_ONCE}
    assert len({answer.text for answer in answers}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers].count(None) == 1
    assert stock(database_url, [18]) == [before - 1]


def test_orders_of_the_same_products_never_deadlock(orders: httpx.Client, database_url: str) -> None:
    products = [21, 22, 23, 24, 25]
    before = stock(database_url, products)
    answers = at_once(lambda key: place(orders, key, random.sample(products, len(products))), new_keys())
    assert statuses(answers) == {201: AT_ONCE}
    assert stock(database_url, products) == [quantity - AT_ONCE for quantity in before]


def test_one_order_is_cancelled_once(orders: httpx.Client, database_url: str) -> None:
    products = [26, 27]
    before = stock(database_url, products)
    order_id = place(orders, secrets.token_hex(8), products).json()["id"]
    assert stock(database_url, products) == [quantity - 1 for quantity in before]
    answers = at_once(lambda id_: cancel(orders, id_), [order_id] * AT_ONCE)
    assert statuses(answers) == {200: 1, 409: AT_ONCE - 1}
    assert stock(database_url, products) == before
