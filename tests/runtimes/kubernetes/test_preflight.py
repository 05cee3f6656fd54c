"""The look at a machine: real programs that stand in for real ones, a real table of routes."""

from __future__ import annotations

import socket
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml

from lab.core.preflight import Route
from lab.errors import InputError
from lab.runtimes.kubernetes.kind import HOST, KindCluster
from lab.runtimes.kubernetes.preflight import require_clients, require_kind, routes, suitable
from lab.tree import ROOT
from tests.ports import free_port
from tests.runtimes.kubernetes.programs import program

STOPPED = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"

# The main table of a machine: the default route, a network, one that leads nowhere, Docker's.
TABLE = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
*\t000012C6\t00000000\t0201\t0\t0\t0\t0000FEFF\t0\t0\t0
docker0\t000012C6\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


def cluster(folder: Path, host_port: int) -> KindCluster:
    """As the lab's own, but for its port."""
    document = yaml.safe_load((ROOT / "k8s" / "kind.yaml").read_text())
    document["nodes"][0]["extraPortMappings"] = [{"containerPort": 30090, "hostPort": host_port, "listenAddress": HOST}]
    config = folder / "kind.yaml"
    config.write_text(yaml.safe_dump(document))
    return KindCluster("lab-none", config, folder / "kubeconfig")


def test_every_problem_at_once(programs: Path, tmp_path: Path) -> None:
    program(programs, "docker", f"echo '{STOPPED}' >&2; exit 1")
    program(programs, "kind", "echo kind v0.29.0 go1.24 linux/amd64")
    program(programs, "kubectl", "exit 1")
    with socket.create_server((HOST, free_port())) as server:
        port = server.getsockname()[1]

        with pytest.raises(InputError, match="5 problems in what kind needs") as raised:
            require_kind(cluster(tmp_path, port))

    assert [problem.partition(",")[0].partition(":")[0] for problem in raised.value.problems] == [
        "kind 0.29.0 is too old",
        "helm is not on PATH",
        "kubectl does not tell its version",
        "Docker is not running",
        f"port {port} of 127.0.0.1 is taken; see by whom",
    ]


def test_the_ports_of_a_cluster_that_is_there_are_its_own(programs: Path, tmp_path: Path) -> None:
    told = '{"ServerVersion": "28.2", "Name": "elsewhere", "DockerRootDir": "/", "MemTotal": 8000000000}'
    program(programs, "docker", f"case $1 in info) echo '{told}';; ps) echo lab-none-control-plane;; *) echo 28;; esac")
    program(programs, "kind", "echo kind v0.33.0")
    program(programs, "helm", "echo v4.3.1")
    program(programs, "kubectl", "echo Client Version: v1.34.4")
    with socket.create_server((HOST, free_port())) as server:
        require_kind(cluster(tmp_path, server.getsockname()[1]))

    require_clients()


def test_what_is_not_there_in_few_words(programs: Path) -> None:
    assert suitable() == [f"{name} is not on PATH" for name in ("docker", "kind", "helm", "kubectl")]


def test_routes_that_lead_somewhere(tmp_path: Path) -> None:
    (tmp_path / "route").write_text(TABLE)

    assert routes(tmp_path / "route") == [
        Route(IPv4Network("192.0.2.0/24"), "eth0"),
        Route(IPv4Network("198.18.0.0/24"), "docker0"),
    ]
    assert routes(tmp_path / "of another system") == []
