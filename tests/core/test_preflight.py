"""What keeps a machine from running kind, and how each problem is mended."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from lab.core.preflight import GIB, ON_CLUSTER, ON_KIND, Docker, Place, Route, System, in_the_way, missing

LINUX = System("linux", "amd64")
MAC = System("darwin", "arm64")
VERSIONS = {
    "docker": "Docker version 28.2.2, build e6534b4",
    "kind": "kind v0.33.0 go1.26.8 linux/amd64",
    "helm": "v4.3.1",
    "kubectl": "Client Version: v1.34.4\nKustomize Version: v5.7.1",
}
DOCKER = Docker(memory=8 * GIB, disk_free=50 * GIB, folder="/var/lib/docker")
SUBNETS = {"pods": IPv4Network("198.19.0.0/20"), "services": IPv4Network("198.19.128.0/20")}
DENIED = "permission denied while trying to connect to the Docker daemon socket"
STOPPED = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"


def without(*names: str) -> dict[str, str]:
    return {name: said for name, said in VERSIONS.items() if name not in names}


MISSING = [
    # case                        system  versions                               Docker              -> what is missing
    ("nothing", LINUX, VERSIONS, DOCKER, []),
    ("the oldest that do", LINUX, {**VERSIONS, "kind": "kind v0.30.0", "helm": "v3.14.0+g3fc9f4b"}, DOCKER, []),
    ("a program", LINUX, without("kubectl"), DOCKER, ["kubectl is not on PATH"]),
    ("Docker", LINUX, without("docker"), Docker("it is not there"), ["docker is not on PATH"]),
    ("an old kind", LINUX, {**VERSIONS, "kind": "kind v0.29.1"}, DOCKER, ["kind 0.29.1 is too old, 0.30 or later"]),
    ("an old Helm", LINUX, {**VERSIONS, "helm": "v3.9.4+gdbc6d8e"}, DOCKER, ["helm 3.9.4 is too old, 3.14 or later"]),
    ("an old kubectl", LINUX, {**VERSIONS, "kubectl": "Client Version: v1.9.0"}, DOCKER, ["kubectl 1.9.0 is too old"]),
    ("a broken Helm", LINUX, {**VERSIONS, "helm": ""}, DOCKER, ["helm does not tell its version, 3.14 or later"]),
    ("Docker is stopped", LINUX, VERSIONS, Docker(STOPPED), ["Docker is not running: sudo systemctl start docker"]),
    ("the same on a Mac", MAC, VERSIONS, Docker(STOPPED), ["Docker is not running: open -a Docker"]),
    ("a group", LINUX, VERSIONS, Docker(DENIED), ["Docker does not let this user in: sudo usermod -aG docker $USER"]),
    ("an answer", LINUX, VERSIONS, Docker("no TLS"), ["Docker does not answer (no TLS): docker info"]),
    ("memory", LINUX, VERSIONS, Docker(memory=2 * GIB), ["Docker has 2.0 GiB of memory, 4 GiB are needed: a larger"]),
    (
        "the same on a Mac ",
        MAC,
        VERSIONS,
        Docker(memory=2 * GIB),
        ["Docker has 2.0 GiB of memory, 4 GiB are needed: D"],
    ),
]


@pytest.mark.parametrize(
    ("system", "versions", "docker", "expected"), [case[1:] for case in MISSING], ids=[case[0] for case in MISSING]
)
def test_what_is_missing(system: System, versions: dict[str, str], docker: Docker, expected: list[str]) -> None:
    found = [str(problem) for problem in missing(system, versions, docker, ON_KIND)]

    assert [text[: len(start)] for text, start in zip(found, expected, strict=True)] == expected


def test_every_problem_is_told_at_once() -> None:
    found = missing(LINUX, {"docker": "", "kind": "kind v0.20.0", "helm": "v3.1.0"}, Docker(STOPPED), ON_KIND)

    assert [problem.text.split()[0] for problem in found] == ["kind", "helm", "kubectl", "Docker"]


def test_another_cluster_needs_neither_kind_nor_memory_here() -> None:
    assert missing(LINUX, without("kind"), Docker(memory=GIB), ON_CLUSTER) == []


def test_programs_are_installed_for_this_machine() -> None:
    (problem,) = missing(System("linux", "arm64"), without("kind"), DOCKER, ON_KIND)

    assert problem.mend.startswith("sudo curl -fLo /usr/local/bin/kind https://kind.sigs.k8s.io/")
    assert "kind-linux-arm64" in problem.mend


def route(network: str, interface: str = "tun0") -> Place:
    return Place(routes=[Route(IPv4Network(network), interface)], subnets=SUBNETS)


IN_THE_WAY = [
    # case                            Docker      place                        -> problems
    ("nothing", DOCKER, Place(subnets=SUBNETS), []),
    ("a disk that can't be seen", Docker(memory=8 * GIB), Place(), []),
    (
        "a full disk",
        Docker(memory=8 * GIB, disk_free=3 * GIB, folder="/d"),
        Place(),
        ["3.0 GiB are free in /d, 10 GiB ar"],
    ),
    (
        "two ports",
        DOCKER,
        Place(taken_ports={20093, 20090}),
        ["port 20090 of 127.0.0.1 is", "port 20093 of 127.0.0.1 is"],
    ),
    ("an office network beside it", DOCKER, route("198.18.0.0/16"), []),
    (
        "one within",
        DOCKER,
        route("198.19.3.0/24"),
        ["the route to 198.19.3.0/24 through tun0 overlaps the cluster's pods"],
    ),
    (
        "one around",
        DOCKER,
        route("198.18.0.0/15"),
        ["the route to 198.18.0.0/15 through tun0 overlaps the cluster's pods"],
    ),
]


@pytest.mark.parametrize(("docker", "place", "expected"), [c[1:] for c in IN_THE_WAY], ids=[c[0] for c in IN_THE_WAY])
def test_what_is_in_the_way(docker: Docker, place: Place, expected: list[str]) -> None:
    found = [str(problem) for problem in in_the_way(LINUX, docker, place)]

    assert [text[: len(start)] for text, start in zip(found, expected, strict=True)] == expected


def test_who_has_a_port_is_asked_for_by_name() -> None:
    (problem,) = in_the_way(LINUX, DOCKER, Place(taken_ports=[20090]))

    assert problem.mend == "ss -ltnp 'sport = :20090'"
