"""What can be said of the lab's cluster without one."""

from __future__ import annotations

import fcntl
import json
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml

from lab.errors import CommandFailed, InputError, RuntimeFailure
from lab.runtimes.kubernetes.kind import KindCluster, KindConfig
from lab.tree import ROOT
from tests.runtimes.kubernetes.programs import program

CONFIG = ROOT / "k8s" / "kind.yaml"
BENCHMARKS = IPv4Network("198.18.0.0/15")  # RFC 2544
LABS_PORTS = range(21_000, 22_000)
OUTGOING_FROM = 32_768  # on Linux; later elsewhere


def test_its_networks_are_nobody_else_s_and_its_ports_nobody_s() -> None:
    config = KindConfig.read(CONFIG)

    subnets = [IPv4Network(config.pod_subnet), IPv4Network(config.service_subnet)]
    assert all(subnet.subnet_of(BENCHMARKS) for subnet in subnets)
    assert not subnets[0].overlaps(subnets[1])
    assert config.opened
    assert all(1024 < port < OUTGOING_FROM and port not in LABS_PORTS for port in config.opened.values())


def test_only_one_command_makes_it(tmp_path: Path) -> None:
    cluster = KindCluster("lab-none", CONFIG, tmp_path / "kubeconfig")
    with (tmp_path / "kubeconfig.busy").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        with pytest.raises(RuntimeFailure, match="another command makes or deletes cluster lab-none; wait for it"):
            cluster.create(lambda _: None)


NETWORKS = "networking: {podSubnet: 198.19.0.0/20, serviceSubnet: 198.19.128.0/20}"
WRONG = [
    # case             document                                                            problems
    ("a list", "[]", ["document: [] is not a mapping"]),
    ("no YAML", "nodes: [", ["line 2, column 1: did not find expected node content"]),
    (
        "nothing",
        "kind: Cluster",
        ["networking: missing", "nodes: missing"],
    ),
    (
        "too little",
        "{networking: {podSubnet: 198.19.0.0/20}, nodes: [{role: control-plane}]}",
        [
            "networking.serviceSubnet: missing; for example  serviceSubnet: 198.19.128.0/20",
            "nodes[0].image: missing; for example  image: kindest/node:v1.34.3",
        ],
    ),
    (
        "a port that kind would choose",
        f"{NETWORKS}\nnodes: [{{image: node, extraPortMappings: [{{containerPort: 30090}}]}}]",
        ["nodes[0].extraPortMappings[0].hostPort: missing"],
    ),
    (
        "no network",
        "{networking: {podSubnet: 198.19.0.0/20, serviceSubnet: everything}, nodes: [{image: node}]}",
        ["networking.serviceSubnet: Expected 4 octets in 'everything'"],
    ),
]


@pytest.mark.parametrize(("text", "problems"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_configuration_that_is_none_is_told_with_its_file(tmp_path: Path, text: str, problems: list[str]) -> None:
    file = tmp_path / "kind.yaml"
    file.write_text(text)

    with pytest.raises(InputError) as raised:
        KindConfig.read(file)

    assert (raised.value.where, list(raised.value.problems)) == (str(file), problems)


def test_a_configuration_that_is_not_there_is_told_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"1 problem in /.*/none\.yaml\n  cannot be read: .*No such file"):
        KindConfig.read(tmp_path / "none.yaml")


def test_to_delete_it_no_configuration_is_needed(programs: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    program(programs, "docker", "exit 0")
    program(programs, "kind", f"echo $* >> {said}")

    KindCluster("lab-none", tmp_path / "deleted.yaml", tmp_path / "kubeconfig").delete()

    assert said.read_text() == f"delete cluster --name=lab-none --kubeconfig={tmp_path}/kubeconfig\n"


def test_it_is_the_labs_right_before_it_is_made(programs: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    program(programs, "docker", "exit 0")
    program(programs, "kind", f'echo $1 >> {said}; [ "$1" = delete ]')
    cluster = KindCluster("lab-none", CONFIG, tmp_path / "kubeconfig")

    def own() -> None:
        said.write_text("own\n")

    with pytest.raises(CommandFailed, match="exit code 1 from: kind create cluster"):
        cluster.create(lambda _: None, own)

    assert said.read_text().split() == ["own", "create", "delete"]


CLUSTERS = [("198.19.0.0/20", True), ("198.19.32.0/20", False)]


@pytest.mark.parametrize(("subnet", "is_own"), CLUSTERS, ids=["as asked for", "foreign"])
def test_one_that_is_there_is_the_labs_only_as_the_configuration_says(
    programs: Path, tmp_path: Path, subnet: str, is_own: bool
) -> None:
    config = KindConfig.read(CONFIG)
    node = {
        "Name": "/lab-none-control-plane",
        "State": {"Running": True},
        "Config": {"Image": config.image},
        "HostConfig": {"PortBindings": {str(port): [{"HostPort": str(port)}] for port in config.opened.values()}},
    }
    settings = {"networking": {"podSubnet": subnet, "serviceSubnet": config.service_subnet}}
    program(programs, "docker", f"case $1 in ps) echo {node['Name']};; *) echo '{json.dumps([node])}';; esac")
    program(programs, "kind", "exit 0")
    program(
        programs,
        "kubectl",
        f"""case "$*" in *configmap*) echo '{yaml.safe_dump(settings)}';; *) echo '{{"items": []}}';; esac""",
    )
    own: list[str] = []
    cluster = KindCluster("lab-none", CONFIG, tmp_path / "kubeconfig")

    if is_own:
        cluster.create(lambda _: None, lambda: own.append("own"))
    else:
        with pytest.raises(RuntimeFailure, match="its pods' subnet is"):
            cluster.create(lambda _: None, lambda: own.append("own"))

    assert bool(own) is is_own
