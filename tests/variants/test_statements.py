"""How many SQL statements each operation takes, without those of transactions: the same in every variant."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lab.contract.client import Client, Request
from lab.contract.document import load
from lab.contract.fake_catalog import FakeCatalog
from lab.contract.probe import Ids, Probe, Setting
from lab.contract.tokens import Tokens
from lab.core.deployment import Service
from lab.runtimes.local import LocalRuntime
from tests.variants.statements import StatementLog, logged

ROLES = ("catalog", "orders")
THREE = ((31, 1), (32, 1), (33, 1))  # lines of an order
WARM_UP_AT_ONCE = 8  # more than there are threads or connections: each has made its own settings afterwards
WARM_UP_ROUNDS = 3

pytestmark = pytest.mark.slow


def product(probe: Probe, operation: str, **parts: object) -> Request:
    """For one that was made for it."""
    return probe.setting.request(operation, path={"product_id": probe.created()["id"]}, **parts)  # type: ignore[arg-type]


def cached(probe: Probe) -> Request:
    request = product(probe, "getProduct")
    probe.succeed(request)
    return request


def replayed(probe: Probe) -> Request:
    request = probe.order(*THREE)
    probe.succeed(request, 201)
    return request


def order(probe: Probe, operation: str) -> Request:
    return probe.setting.request(operation, path={"order_id": probe.placed(*THREE)["id"]})


def ended(probe: Probe) -> Request:
    request = order(probe, "streamOrder")
    probe.succeed(probe.move(int(request.target.split("/")[2]), "cancelled"))
    return request


OPERATIONS: list[tuple[str, str, Callable[[Probe], Request], int, int]] = [
    # what                       role       request                                    status  statements
    ("ping", "catalog", lambda p: p.setting.request("ping"), 200, 0),
    ("getProduct", "catalog", lambda p: product(p, "getProduct"), 200, 1),
    ("getProduct, cached", "catalog", cached, 200, 0),
    ("listProducts", "catalog", lambda p: p.setting.request("listProducts"), 200, 1),
    ("listProducts by words", "catalog", lambda p: p.setting.request("listProducts", query="q=oak"), 200, 1),
    ("createProduct", "catalog", lambda p: p.setting.request("createProduct", body=p.product()), 201, 1),
    ("replaceProduct", "catalog", lambda p: product(p, "replaceProduct", body=p.product()), 200, 1),
    ("deleteProduct", "catalog", lambda p: product(p, "deleteProduct"), 204, 1),
    ("placeOrder, 3 lines", "orders", lambda p: p.order(*THREE), 201, 7),
    ("placeOrder, replayed", "orders", replayed, 201, 2),
    ("getOrder", "orders", lambda p: order(p, "getOrder"), 200, 2),
    ("listOrders", "orders", lambda p: p.setting.request("listOrders"), 200, 2),
    ("moveOrder", "orders", lambda p: p.move(p.placed(*THREE)["id"], "confirmed"), 200, 5),
    ("moveOrder, 3 lines cancelled", "orders", lambda p: p.move(p.placed(*THREE)["id"], "cancelled"), 200, 8),
    ("streamOrder", "orders", ended, 200, 1),
    (
        "setStock",
        "orders",
        lambda p: p.setting.request("setStock", path={"product_id": 34}, body={"quantity": 10**6}),
        200,
        1,
    ),
]


@pytest.fixture(scope="module")
def log(database_url: str, lab_directory: Path) -> Iterator[StatementLog]:
    with logged(lab_directory / "logs" / "postgresql.log", database_url) as log:
        yield log


@pytest.fixture(scope="module")
def probes(
    playing: Callable[[str], Service], runtime: LocalRuntime, fake_catalog_url: str
) -> Iterator[Mapping[str, Probe]]:
    """Hands on each role's service, all of whose connections have been used before."""
    parts = urlsplit(fake_catalog_url)
    catalog = FakeCatalog(parts.hostname or "", parts.port or 0)
    catalog.up()
    with ExitStack() as ending:
        ending.callback(catalog.down)
        probes = {}
        for role in ROLES:
            url = playing(role).url
            setting = Setting(load(), url, Tokens(runtime.token_key(), time.time), Ids(), catalog)
            probes[role] = Probe(setting, "statements", Client(url))
            ending.callback(probes[role].client.close)
        for _ in range(WARM_UP_ROUNDS):
            probes["catalog"].at_once([product(probes["catalog"], "getProduct") for _ in range(WARM_UP_AT_ONCE)])
            probes["orders"].at_once([order(probes["orders"], "getOrder") for _ in range(WARM_UP_AT_ONCE)])
        yield probes


@pytest.mark.parametrize(
    ("role", "prepare", "status", "statements"), [row[1:] for row in OPERATIONS], ids=[row[0] for row in OPERATIONS]
)
def test_the_statements_of_an_operation(
    probes: Mapping[str, Probe],
    log: StatementLog,
    role: str,
    prepare: Callable[[Probe], Request],
    status: int,
    statements: int,
) -> None:
    probe = probes[role]
    request = prepare(probe)
    log.begin()
    answer = probe.send(request)
    assert answer.status == status, answer.body
    found = log.data_statements()
    assert len(found) == statements, "\n".join([f"{len(found)} statements:", *found])
