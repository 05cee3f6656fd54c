"""Every role by another variant: an order from its placing to its end, over services that share nothing but HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg
import pytest
from shop import model, seed

from lab.contract.client import Client
from lab.contract.document import load
from lab.contract.probe import Ids, Probe, Setting
from lab.contract.streams import Ended, Event, Stream
from lab.contract.tokens import Tokens
from lab.core.deployment import Deployment
from lab.core.roles import WITH_DATABASE
from lab.core.stacks import parse_stacks
from lab.runtimes.local import LocalRuntime
from tests.variants.conftest import VARIANTS, remove_all

LINES = ((41, 2), (42, 3))
MOVES = ("confirmed", "cancelled")
SOON_S = 2.0
NAMES = list(VARIANTS)

# Each variant plays each role once, and meets another neighbour each time.
STACKS = [f"catalog={NAMES[turn]},orders={NAMES[turn - 1]},recommend={NAMES[turn - 2]}" for turn in range(len(NAMES))]

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Hybrid:
    """A hand on each role, and where the stock is."""

    catalog: Probe
    orders: Probe
    recommend: Probe
    stock_url: str


@pytest.fixture(params=STACKS)
def hybrid(request: pytest.FixtureRequest, runtime: LocalRuntime) -> Iterator[Hybrid]:
    (stack,) = parse_stacks("", [request.param], VARIANTS)
    players = stack.players
    databases = {
        role: runtime.database(variant, f"hybrid_{variant.name}_{role}")
        for role, variant in players.items()
        if role in WITH_DATABASE
    }

    def deploy(role: str, catalog_url: str = "") -> Probe:
        """A hand on it."""
        cache_url = runtime.cache_url() if role in WITH_DATABASE else ""
        name = f"hybrid-{players[role].name}-{role}"
        service = runtime.deploy(
            Deployment(name, players[role], role, 1, databases.get(role, ""), 4, cache_url, catalog_url)
        )
        names.append(name)
        setting = Setting(load(), service.url, Tokens(runtime.token_key(), time.time), Ids())
        client = Client(service.url)
        ending.callback(client.close)
        return Probe(setting, stack.name, client)

    names: list[str] = []
    with ExitStack() as ending:
        ending.callback(remove_all, runtime, names)
        with ThreadPoolExecutor(2) as pool:
            catalog, recommend = pool.map(deploy, ("catalog", "recommend"))
        orders = deploy("orders", catalog.setting.url)
        yield Hybrid(catalog, orders, recommend, databases["orders"])


def stock(url: str) -> list[int]:
    """Of the products that are ordered."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT quantity FROM stock WHERE product_id = ANY(%s) ORDER BY product_id", [[each for each, _ in LINES]]
        ).fetchall()
    return [quantity for (quantity,) in rows]


def status_told(stream: Stream) -> str:
    found = stream.next(SOON_S)
    assert isinstance(found, Event), found
    return str(json.loads(found.data)["status"])


def test_an_order_is_placed_followed_and_cancelled(hybrid: Hybrid) -> None:
    """At the catalog's prices, with exact stock; and the model is the same everywhere."""
    catalog, orders, recommend = hybrid.catalog, hybrid.orders, hybrid.recommend
    prices = [catalog.document("getProduct", path={"product_id": each})["price"] for each, _ in LINES]

    order = orders.placed(*LINES)
    assert [line["unit_price"] for line in order["lines"]] == prices
    assert stock(hybrid.stock_url) == [seed.STOCK_QUANTITY - quantity for _, quantity in LINES]

    follow = orders.setting.request("streamOrder", path={"order_id": order["id"]})
    with Stream(Client(orders.setting.url), follow) as stream:
        assert status_told(stream) == "placed"
        for to in MOVES:
            orders.succeed(orders.move(order["id"], to))
            assert status_told(stream) == to
        assert stream.next(SOON_S) == Ended()
    assert stock(hybrid.stock_url) == [seed.STOCK_QUANTITY for _ in LINES]

    embedding = model.embedding(model.build(), 41)
    found = recommend.document("recommend", body={"embeddings": [embedding], "k": 1})
    assert found["neighbours"][0][0]["squared_distance"] == 0

    assert "\n".join(str(each) for probe in (catalog, orders, recommend) for each in probe.violations) == ""
