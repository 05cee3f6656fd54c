"""The life of a cluster: interrupted, made, found again, stopped, another one than asked for, gone."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab.errors import RuntimeFailure
from lab.runtimes.kubernetes.forwarding import HOST
from lab.runtimes.kubernetes.kind import KindCluster
from lab.runtimes.kubernetes.kubectl import Kubectl, run
from lab.runtimes.kubernetes.preflight import require_kind
from lab.tree import ROOT
from tests.ports import free_port

pytestmark = pytest.mark.long

NAME = "lab-test-life"
STARTED = "starting control-plane"  # a step in the middle


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def config(folder: Path) -> Path:
    """As the lab's own, on a port of its own."""
    document = yaml.safe_load((ROOT / "k8s" / "kind.yaml").read_text())
    port = {"containerPort": 30090, "hostPort": free_port(), "listenAddress": HOST}
    document["nodes"][0]["extraPortMappings"] = [port]
    file = folder / "kind.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


@pytest.fixture(scope="module")
def absent(folder: Path, config: Path) -> Iterator[KindCluster]:
    cluster = KindCluster(NAME, config, folder / "kubeconfig")
    cluster.delete()
    yield cluster
    cluster.delete()


@pytest.fixture(scope="module")
def cluster(absent: KindCluster) -> KindCluster:
    """Made where a command that made it was killed."""
    interrupt(absent, signal.SIGKILL)
    steps: list[str] = []
    absent.create(steps.append)
    assert steps[0] == f"cluster {NAME}: removing what an interrupted command left"
    return absent


def interrupt(cluster: KindCluster, by: signal.Signals) -> None:
    argv = [
        sys.executable,
        "-m",
        "tests.cluster.making_a_cluster",
        NAME,
        str(cluster.config.file),
        str(cluster.kubeconfig),
    ]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as command:
        assert command.stdout
        assert any(STARTED in line for line in command.stdout)
        command.send_signal(by)
        command.communicate()


def kubectl(cluster: KindCluster) -> Kubectl:
    return Kubectl(cluster.context, "kube-system", cluster.kubeconfig)


def test_an_interrupted_creation_leaves_nothing(absent: KindCluster) -> None:
    interrupt(absent, signal.SIGINT)

    assert absent.nodes() == []
    assert {file.name for file in absent.kubeconfig.parent.iterdir()} <= {"kind.yaml", "kubeconfig.busy"}


def test_it_answers_and_only_its_own_file_says_how_to_reach_it(cluster: KindCluster) -> None:
    assert kubectl(cluster).items("get", "nodes")[0]["metadata"]["name"] == f"{NAME}-control-plane"
    assert stat.S_IMODE(cluster.kubeconfig.stat().st_mode) == 0o600
    users_own = run(["kubectl", "config", "get-contexts", "--output=name"]).split()
    assert cluster.context not in users_own


def test_it_is_found_again(cluster: KindCluster) -> None:
    cluster.kubeconfig.unlink()
    steps: list[str] = []

    require_kind(cluster)
    cluster.create(steps.append)

    assert steps == []
    assert kubectl(cluster).items("get", "nodes")


def test_it_is_started_where_the_machine_was(cluster: KindCluster) -> None:
    node = f"{NAME}-control-plane"
    run(["docker", "stop", node])
    assert cluster.nodes()
    steps: list[str] = []

    cluster.create(steps.append)

    assert steps == [f"cluster {NAME}: starting {node}"]
    started = run(["docker", "inspect", "--format={{.State.StartedAt}}", node])[:19]
    statuses = [pod["status"]["containerStatuses"][0]["state"] for pod in kubectl(cluster).items("get", "pods")]
    assert all(state["running"]["startedAt"] >= started for state in statuses if "running" in state)


DIFFERENCES = [
    ("image: kindest/node:v1.34.3", "image: kindest/node:v1.30.0", "its node image is kindest/node:v1.34.3, not "),
    ("podSubnet: 198.19.0.0/20", "podSubnet: 198.19.32.0/20", "its pods' subnet is 198.19.0.0/20, not 198.19.32.0/20"),
    (
        "serviceSubnet: 198.19.128.0/20",
        "serviceSubnet: 198.19.64.0/20",
        "its services' subnet is 198.19.128.0/20, not ",
    ),
    ("hostPort: ", "hostPort: 1", "it does not serve port 1"),
]


@pytest.mark.parametrize(("is_so", "asked_for", "said"), DIFFERENCES, ids=["image", "pods", "services", "port"])
def test_another_one_than_asked_for_is_not_touched(
    cluster: KindCluster, tmp_path: Path, is_so: str, asked_for: str, said: str
) -> None:
    other = tmp_path / "kind.yaml"
    other.write_text(cluster.config.file.read_text().replace(is_so, asked_for))
    assert other.read_text() != cluster.config.file.read_text()

    with pytest.raises(RuntimeFailure, match=f"try again: kind delete cluster --name {NAME}") as raised:
        KindCluster(NAME, other, cluster.kubeconfig).create(lambda _: None)

    assert said in str(raised.value)
    assert cluster.nodes()


def test_it_is_gone_after_delete(cluster: KindCluster) -> None:
    cluster.delete()

    assert cluster.nodes() == []
    assert [file.name for file in cluster.kubeconfig.parent.iterdir()] == ["kind.yaml"]
    cluster.delete()
