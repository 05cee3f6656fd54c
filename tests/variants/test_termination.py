"""A replica ends under load: whatever it has read is answered, in every variant."""

from __future__ import annotations

import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import httpx
import pytest
from shop.tokens import mint

from lab.contract.client import Answer, Client, Request
from lab.contract.fake_catalog import FakeCatalog, Product
from lab.core.deployment import Deployment
from lab.core.manifest import PING_ROLE, Manifest
from lab.runtimes.local import LocalRuntime
from lab.runtimes.supervision import ports
from tests import polling
from tests.ports import free_port
from tests.runtimes import termination
from tests.runtimes.test_termination import RESET_SHARE_MAX

IN_FLIGHT = 4  # as many as a replica with four database connections works on at once
SOON_S = 5.0
COMPUTED = 64  # half a second of computing at least, of which the signal needs a part
LARGEST = json.dumps({"embeddings": [[1, -1] * 32] * 32, "k": 100}).encode()

pytestmark = pytest.mark.slow


@pytest.mark.skipif(not ports.SHARED_PORTS, reason="replicas share a port on Linux only")
def test_one_of_two_replicas_ends_under_load(variant: Manifest, runtime: LocalRuntime) -> None:
    name = f"ending-{variant.name}"
    service = runtime.deploy(Deployment(name, variant, PING_ROLE, replicas=2))

    seen = termination.measure(service.url, "/ping", lambda: runtime.scale(name, 1), rate_per_s=500, duration_s=2)

    runtime.remove(name)
    assert (seen.closed, seen.cut) == (0, 0)
    assert seen.reset <= RESET_SHARE_MAX * seen.sent


class HeldCatalog(FakeCatalog):
    """Knows what it was asked, and answers nothing until it may."""

    def __init__(self) -> None:
        port = free_port()
        super().__init__(ports.HOST, port)
        self.url = f"http://{ports.HOST}:{port}"
        self.asked: list[int] = []
        self.may_answer = threading.Event()

    def product(self, product_id: int) -> Product | None:
        self.asked.append(product_id)
        self.may_answer.wait(SOON_S)
        return super().product(product_id)


@pytest.fixture
def catalog() -> Iterator[HeldCatalog]:
    catalog = HeldCatalog()
    catalog.up()
    yield catalog
    catalog.may_answer.set()
    catalog.down()


def place(url: str, token: str, product_id: int) -> httpx.Response:
    return httpx.post(
        f"{url}/orders",
        json={"lines": [{"product_id": product_id, "quantity": 1}]},
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": secrets.token_hex(8)},
        timeout=2 * SOON_S,
        trust_env=False,
    )


def refuses_connections(url: str) -> bool:
    try:
        socket.create_connection((ports.HOST, httpx.URL(url).port or 0), SOON_S).close()
    except ConnectionError:
        return True
    return False


def test_orders_in_flight_are_placed(
    variant: Manifest, runtime: LocalRuntime, database_url: str, catalog: HeldCatalog
) -> None:
    """The catalog answers only once the replica is seen to end, so that every answer comes after the signal."""
    name = f"placing-{variant.name}"
    service = runtime.deploy(Deployment(name, variant, "orders", 1, database_url, IN_FLIGHT, catalog_url=catalog.url))
    token = mint(runtime.token_key(), "orders:write", time.time())
    products = range(1, IN_FLIGHT + 1)

    with ThreadPoolExecutor(IN_FLIGHT + 1) as threads:
        placing = [threads.submit(place, service.url, token, product_id) for product_id in products]
        polling.until(lambda: sorted(catalog.asked) == list(products), SOON_S, "every order asks the catalog")
        removing = threads.submit(runtime.remove, name)
        polling.until(lambda: refuses_connections(service.url), SOON_S, "the replica accepts nobody")
        catalog.may_answer.set()
        answers = [order.result() for order in placing]
        removing.result()

    assert [(answer.status_code, answer.headers.get("Connection")) for answer in answers] == [
        (201, "close") for _ in products
    ]


def recommended(url: str, everyone_is_connected: threading.Barrier) -> Answer:
    """The answer to as large a request as there may be, sent together with others on connections that are open."""
    client = Client(url)
    client.send(Request("ping", "GET", "/ping"))
    everyone_is_connected.wait(SOON_S)
    headers = (("Content-Type", "application/json"),)
    answer = client.send(Request("recommend", "POST", "/recommendations", headers, LARGEST))
    client.close()
    return answer


def test_recommendations_that_were_asked_for_are_answered(variant: Manifest, runtime: LocalRuntime) -> None:
    """More than the replica computes at once, so that the signal finds some that wait and some that are computed."""
    name = f"computing-{variant.name}"
    service = runtime.deploy(Deployment(name, variant, "recommend", 1))
    together = threading.Barrier(COMPUTED + 1)

    with ThreadPoolExecutor(COMPUTED) as threads:
        asked = [threads.submit(recommended, service.url, together) for _ in range(COMPUTED)]
        together.wait(SOON_S)
        wait(asked, SOON_S, FIRST_COMPLETED)
        runtime.remove(name)
        answers = [answer.result() for answer in asked]

    assert [(answer.status, len(answer.document["neighbours"])) for answer in answers] == [(200, 32)] * COMPUTED
    assert "close" in [answer.headers.get("connection", "").lower() for answer in answers]
