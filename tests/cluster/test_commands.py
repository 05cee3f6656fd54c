"""A lab that stays on a cluster: what it says, what can be done with it."""

from __future__ import annotations

import base64
import time

import httpx
import pytest
from shop.tokens import WRITE_SCOPES, mint

from lab.runtimes.kubernetes.forwarding import HOST, forwarded
from lab.runtimes.kubernetes.opening import SECRET
from lab.runtimes.kubernetes.values import PORT
from tests.cluster.labs import Lab

SERVICES = ["flask-catalog", "flask-orders", "flask-recommend"]


def test_it_is_up_with_its_addresses_and_how_to_get_in(up: str) -> None:
    assert [name for name in SERVICES if f"{name}: http://{name}:8000, ready" in up] == SERVICES
    assert "prometheus: http://127.0.0.1:" in up
    assert up.endswith("See lab status; end it with lab down.\n")


def test_what_is_up_already_stays(lab: Lab, up: str) -> None:
    before = _pods(lab)
    lab.run("up", *lab.staying)
    assert _pods(lab) == before


def test_what_was_ordered_is_there_after_the_next_up(lab: Lab, up: str) -> None:
    kubectl = lab.place.kubectl
    key = base64.b64decode(kubectl.json("get", "secret", SECRET)["data"]["token-key"])
    headers = {"Authorization": f"Bearer {mint(key, WRITE_SCOPES, time.time())}", "Idempotency-Key": "kept-over-up"}
    with forwarded(kubectl, "flask-orders", PORT) as port:
        lines = [{"product_id": 1, "quantity": 1}]
        placed = httpx.post(f"http://{HOST}:{port}/orders", json={"lines": lines}, headers=headers)
    assert placed.status_code == 201, placed.text

    lab.run("up", *lab.staying)

    with forwarded(kubectl, "flask-orders", PORT) as port:
        assert httpx.get(f"http://{HOST}:{port}/orders/{placed.json()['id']}").json() == placed.json()


def test_its_status_names_every_replica(lab: Lab, up: str) -> None:
    status = lab.run("status")
    assert [name for name in SERVICES if f"http://{name}:8000" in status] == SERVICES
    assert status.count("ready") == len(SERVICES)


def test_a_service_is_scaled(lab: Lab, up: str) -> None:
    assert "flask-recommend: 2\n" in lab.run("scale", "flask-recommend", "2")
    assert sum(name.startswith("flask-recommend-") for name in _pods(lab)) == 2


def test_what_was_scaled_to_none_is_up_again_after_the_next_up(lab: Lab, up: str) -> None:
    lab.run("scale", "flask-recommend", "0")

    assert "flask-recommend: http://flask-recommend:8000, ready" in lab.run("up", *lab.staying)
    assert sum(name.startswith("flask-recommend-") for name in _pods(lab)) == 1


def test_logs_are_of_a_service_or_of_one_replica(lab: Lab, up: str) -> None:
    """Which log nothing while all is well."""
    replica = min(name for name in _pods(lab) if name.startswith("flask-catalog-"))
    assert [lab.run("logs", name) for name in ("flask-catalog", replica)] == ["", ""]


@pytest.mark.parametrize(("part", "says"), [("postgresql", "ready to accept"), ("valkey", "Ready to accept")])
def test_parts_of_the_platform_have_logs(lab: Lab, up: str, part: str, says: str) -> None:
    assert says in lab.run("logs", part)


@pytest.mark.parametrize("command", [("scale", "shop", "1"), ("logs", "shop")], ids=["scale", "logs"])
def test_a_service_that_is_not_there_is_told_with_those_that_are(lab: Lab, up: str, command: tuple[str, ...]) -> None:
    said = lab.run(*command, exit_code=2)
    assert f"no service shop; there are {', '.join(SERVICES)}" in said


def _pods(lab: Lab) -> set[str]:
    pods = lab.place.kubectl.items("get", "pods", "--selector=frameworklab.dev/role in (catalog, orders, recommend)")
    return {pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}
