"""Orders over a real catalog: stock is never oversold, and a key places one order, however many ask at once."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest
from shop.tokens import mint

from lab.core.deployment import Deployment
from lab.core.manifest import Manifest
from lab.runtimes.local import LocalRuntime

AT_ONCE = 50
STOCK = 10

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database_url(variant: Manifest, runtime: LocalRuntime) -> str:
    return runtime.database(variant, f"stack_{variant.name}")


@pytest.fixture(scope="module")
def orders(variant: Manifest, runtime: LocalRuntime, database_url: str) -> Iterator[httpx.Client]:
    """A client of the orders service that may write; two replicas, so that no lock of a process can help."""
    names = [f"stack-{variant.name}-{role}" for role in ("catalog", "orders")]
    catalog = runtime.deploy(Deployment(names[0], variant, "catalog", 1, database_url, 4, runtime.cache_url()))
    service = runtime.deploy(
        Deployment(names[1], variant, "orders", 2, database_url, 4, runtime.cache_url(), catalog.url)
    )
    token = mint(runtime.token_key(), "orders:write stock:write", time.time())
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
    with httpx.Client(
        base_url=service.url, headers={"Authorization": f"Bearer {token}"}, limits=limits, timeout=30
    ) as client:
        yield client
    for name in names:
        runtime.remove(name)


def place(client: httpx.Client, key: str, product_id: int) -> httpx.Response:
    lines = [{"product_id": product_id, "quantity": 1}]
    return client.post("/orders", json={"lines": lines}, headers={"Idempotency-Key": key})


def at_once(client: httpx.Client, keys: list[str], product_id: int) -> list[httpx.Response]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda key: place(client, key, product_id), keys))


def stock(database_url: str, product_id: int) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT quantity FROM stock WHERE product_id = %s", [product_id]).fetchone()
    assert row
    return int(row[0])


def test_stock_is_never_oversold(orders: httpx.Client, database_url: str) -> None:
    assert orders.put("/stock/17", json={"quantity": STOCK}).status_code == 200
    answers = at_once(orders, [secrets.token_hex(8) for _ in range(AT_ONCE)], 17)
    assert Counter(answer.status_code for answer in answers) == {201: STOCK, 409: AT_ONCE - STOCK}
    assert stock(database_url, 17) == 0


def test_one_key_places_one_order(orders: httpx.Client, database_url: str) -> None:
    before = stock(database_url, 18)
    answers = at_once(orders, [secrets.token_hex(8)] * AT_ONCE, 18)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers].count(None) == 1
    assert stock(database_url, 18) == before - 1
