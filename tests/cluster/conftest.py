"""The cluster that tests share: made by the lab's own command, from nothing, on ports of its own."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab.core.images import LAB
from lab.errors import CommandFailed
from lab.runtimes.kubernetes import images
from lab.runtimes.kubernetes.kubectl import Kubectl, run
from lab.runtimes.kubernetes.place import KIND_CONFIG
from tests.cluster.labs import Lab
from tests.ports import free_port

RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
COLLECTOR = os.environ.get("TEST_COLLECTOR_IMAGE", "otel/opentelemetry-collector-contrib:0.155.0")
PIPELINE = (
    "yaml:{receivers: {otlp: {protocols: {http: }}}, exporters: {debug: }, "
    "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}}"
)
NOT_NEEDED = ["grafana", "tempo"]
COMPARED = ("--variants", "fastapi,django,flask", "--scenario", "coldstart", "--quick")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a first comparison left is looked at first; whatever ends the lab comes last."""
    items.sort(key=lambda item: {"test_lab.py": 0, "test_down.py": 2}.get(item.path.name, 1))


@pytest.fixture(scope="session")
def broken_collector() -> str:
    """Why the collector's image starts with no configuration at all; empty where it does."""
    try:
        run(["docker", "run", "--rm", COLLECTOR, "validate", f"--config={PIPELINE}"])
    except CommandFailed as failed:
        return str(failed)
    return ""


@pytest.fixture(scope="session")
def absent_lab(broken_collector: str) -> Iterator[Lab]:
    """Nothing of it is there, whatever an earlier run has left; nothing will be."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        kind = yaml.safe_load(KIND_CONFIG.read_text(encoding="utf-8"))
        for port in kind["nodes"][0]["extraPortMappings"]:
            port["hostPort"] = free_port()
        config = directory / "kind.yaml"
        config.write_text(yaml.safe_dump(kind), encoding="utf-8")
        values = directory / "platform.yaml"
        values.write_text(
            yaml.safe_dump({"collector": {"image": COLLECTOR, "file": {"enabled": True}}}), encoding="utf-8"
        )
        without = [*NOT_NEEDED, *(["collector"] if broken_collector else [])]
        lab = Lab(directory / "lab", config, values, ",".join(without))
        lab.cluster.delete()
        yield lab
        lab.cluster.delete()


@pytest.fixture(scope="session")
def compared(absent_lab: Lab) -> str:
    """What a first comparison of all variants said, after another one was killed while the platform was installed."""
    absent_lab.killed(*absent_lab.comparing(*COMPARED), at="waiting for ")
    return absent_lab.compare(*COMPARED)


@pytest.fixture(scope="session")
def lab(absent_lab: Lab, compared: str) -> Lab:
    """It is up; services come with the commands of a test."""
    return absent_lab


@pytest.fixture(scope="session")
def up(lab: Lab) -> str:
    """What `lab up` said of services that stay until the lab ends."""
    return lab.run("up", *lab.staying)


@pytest.fixture(scope="session")
def kubectl(lab: Lab) -> Kubectl:
    """The lab's namespace."""
    return lab.place.kubectl


@pytest.fixture(scope="session")
def lab_image(lab: Lab) -> str:
    """The reference of the lab's own image, which the cluster has."""
    return images.build([], "", lambda step: None)[LAB].reference


@pytest.fixture(scope="module")
def namespace(kubectl: Kubectl) -> Iterator[Kubectl]:
    """A namespace for the tests of one file, as strict as the lab's."""
    name = f"lab-test-{secrets.token_hex(3)}"
    kubectl.run("create", "namespace", name)
    kubectl.run("label", "namespace", name, RESTRICTED)
    yield Kubectl(kubectl.context, name, kubectl.kubeconfig)
    kubectl.run("delete", "namespace", name, "--wait=false")
