"""A service that is none of ours, as someone would bring it: its image, `helm/service`, a rolling update under load."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from lab.contract.checker import HttpContractChecker
from lab.core.manifest import PING_ROLE
from lab.core.scenario import Request, Scenario, Slo
from lab.ports import Load
from lab.runtimes.kubernetes import images
from lab.runtimes.kubernetes.forwarding import HOST, forwarded
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.runtimes.kubernetes.releases import Releases
from lab.runtimes.kubernetes.waiting import Waiting
from lab.runtimes.kubernetes.workers import JobGenerator
from lab.tree import ROOT
from lab.variants import load_manifests

pytestmark = pytest.mark.long

NODE = load_manifests([ROOT / "examples"])["node"]
RELEASE = "mine"
READY_WITHIN_S = 60.0
RATE_PER_S = 30.0
ASKED_FOR_S = 30.0  # an update of two replicas takes 6 s, and the old ones end 10 s after it
UPDATED_AT_S = 5.0
PING = Request("ping", 1, {}, {}, {}, None)
SCENARIO = Scenario("ping", "The smallest answer", RATE_PER_S, 5.0, (PING,), Slo(p99_ms=250, error_share=0))


@pytest.fixture(scope="module")
def mine(namespace: Kubectl) -> Iterator[Kubectl]:
    """Two replicas behind the Service, in a namespace that enforces the restricted standard."""
    reference = images.build([NODE], "", lambda _: None)["node"].reference
    images.load(namespace.context.removeprefix("kind-"), [reference], lambda _: None)
    repository, _, tag = reference.rpartition(":")
    values = {
        "variant": NODE.name,
        "role": PING_ROLE,
        "image": {"repository": repository, "tag": tag},
        "replicas": 2,
        "resources": {"cpuRequest": "10m"},
    }
    releases = Releases(namespace, lambda _: None)
    releases.install(RELEASE, ROOT / "helm" / "service", values)
    Waiting(namespace, lambda _: None).ready([f"deployment/{RELEASE}"], READY_WITHIN_S)
    yield namespace
    releases.uninstall([RELEASE])


def test_it_keeps_the_contract_by_its_service(mine: Kubectl) -> None:
    with forwarded(mine, RELEASE, 8000) as port, forwarded(mine, RELEASE, 8001) as metrics_port:
        url, metrics_url = f"http://{HOST}:{port}", f"http://{HOST}:{metrics_port}"
        report = HttpContractChecker().check(url, PING_ROLE, (), b"", "", metrics_url)

    assert "\n".join(report.violations) == ""


def test_a_rolling_update_takes_nothing_from_clients(mine: Kubectl, lab_image: str) -> None:
    load = Load(SCENARIO, {PING_ROLE: f"http://{RELEASE}:8000"}, RELEASE, RATE_PER_S, ASKED_FOR_S, 1, "")
    updated: list[Future[str]] = []

    def update() -> None:
        if not updated and generator.progress.completed > UPDATED_AT_S * RATE_PER_S:
            updated.append(pool.submit(mine.run, "rollout", "restart", f"deployment/{RELEASE}"))

    with ThreadPoolExecutor(1) as pool, JobGenerator(mine, lab_image, "run-update") as generator:
        measured = generator.run(load, update)

    updated[0].result()
    mine.run("rollout", "status", f"deployment/{RELEASE}", "--timeout=1s")  # it was over before the load
    assert (measured.answered, measured.errors) == (RATE_PER_S * ASKED_FOR_S, {})
