"""A port of this machine that leads into the cluster, whatever becomes of the pod behind it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lab.errors import CommandFailed
from lab.runtimes.kubernetes.forwarding import HOST, forwarded
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.runtimes.kubernetes.releases import Releases
from lab.runtimes.kubernetes.waiting import Waiting
from tests.polling import until

pytestmark = pytest.mark.long

ANSWERS_WITHIN_S = 60.0
READY_WITHIN_S = 60.0
PORT = 6379


@pytest.fixture(scope="module")
def valkey(namespace: Kubectl) -> Kubectl:
    Releases(namespace, lambda _: None).install(
        "valkey", Path(__file__).parent / "tiny", {"image": "valkey/valkey:8.1", "port": PORT}
    )
    Waiting(namespace, lambda _: None).ready(["deployment/valkey"], READY_WITHIN_S)
    return namespace


def answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64) == b"+PONG\r\n"
    except OSError:
        return False


def test_it_answers_at_once_and_is_gone_afterwards(valkey: Kubectl) -> None:
    with forwarded(valkey, "valkey", PORT) as port:
        assert answers(port)

    assert not answers(port)


def test_it_leads_to_another_pod_when_the_first_is_gone(valkey: Kubectl) -> None:
    with forwarded(valkey, "valkey", PORT) as port:
        valkey.run("delete", "pods", "--selector=app.kubernetes.io/instance=valkey", "--grace-period=1")

        until(lambda: answers(port), ANSWERS_WITHIN_S, "an answer of the new pod")


def test_a_service_that_is_not_there(valkey: Kubectl) -> None:
    with pytest.raises(CommandFailed, match='services "none" not found'), forwarded(valkey, "none", 80):
        pass
