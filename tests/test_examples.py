"""A service that is none of ours, without a line of ours: Node.js, played on the shared lab."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from lab.contract.checker import HttpContractChecker
from lab.contract.telemetry import check_at
from lab.core.deployment import Deployment, Service
from lab.core.manifest import PING_ROLE
from lab.core.telemetry import Mode, Telemetry
from lab.runtimes.local import LocalRuntime
from lab.runtimes.supervision import ports
from lab.scenarios import load_scenario
from lab.tree import ROOT
from lab.variants import load_manifests
from tests.runtimes import termination
from tests.runtimes.test_termination import RESET_SHARE_MAX

NODE = load_manifests([ROOT / "examples"])["node"]
RIGHT = {"LAB_ROLE": PING_ROLE, "LAB_PORT": "1", "LAB_METRICS_PORT": "1"}
WRONG = [
    # case                    settings                                        what it says
    ("nothing is given", {}, ["LAB_PORT: missing", "LAB_METRICS_PORT: missing", "LAB_ROLE: missing"]),
    ("a role that it has not", {**RIGHT, "LAB_ROLE": "orders"}, ["LAB_ROLE: 'orders' is not ping"]),
    ("a port that is none", {**RIGHT, "LAB_PORT": "0"}, ["LAB_PORT: '0' is not an integer from 1 to 65535"]),
    ("a drain too long", {**RIGHT, "LAB_DRAIN_S": "9"}, ["LAB_DRAIN_S: '9' is not a number from 0 to 8"]),
    ("an unknown mode", {**RIGHT, "LAB_TELEMETRY": "on"}, ["LAB_TELEMETRY: 'on' is none of off, metrics, official"]),
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("node"), reason="node is not on PATH"),
]


@pytest.fixture(scope="module")
def service(runtime: LocalRuntime) -> Iterator[Service]:
    name = "example-node"
    yield runtime.deploy(Deployment(name, NODE, PING_ROLE, telemetry=Telemetry(Mode.METRICS)))
    runtime.remove(name)


def test_it_keeps_the_contract(service: Service) -> None:
    report = HttpContractChecker().check(service.url, PING_ROLE, (), b"", "", service.replicas[0].metrics_url)

    assert "\n".join(report.violations) == ""
    assert report.not_run == ()


def test_its_metrics_are_complete(service: Service) -> None:
    told = check_at(service.url, PING_ROLE, (), b"", "", service.replicas[0].metrics_url, "")

    assert "\n".join(told.violations) == ""


def test_what_is_tried_with_it_is_a_scenario() -> None:
    assert load_scenario(str(NODE.folder / "rollout.yaml")).experiment


@pytest.mark.skipif(not ports.SHARED_PORTS, reason="replicas share a port on Linux only")
def test_one_of_two_replicas_ends_under_load(runtime: LocalRuntime) -> None:
    service = runtime.deploy(Deployment("ending-node", NODE, PING_ROLE, replicas=2))

    seen = termination.measure(service.url, "/ping", lambda: runtime.scale("ending-node", 1), 500, duration_s=2)

    runtime.remove("ending-node")
    assert (seen.closed, seen.cut) == (0, 0)
    assert seen.reset <= RESET_SHARE_MAX * seen.sent


@pytest.mark.parametrize(("settings", "said"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_settings_end_it_with_a_line_for_each(settings: dict[str, str], said: list[str]) -> None:
    argv = [str(shutil.which("node")), str(NODE.folder / "main.js")]
    done = subprocess.run(argv, env=settings, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 2
    assert [line.partition("; for example")[0] for line in done.stderr.splitlines()] == said
