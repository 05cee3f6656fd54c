"""What keeps this machine from running kind, each problem with the command that mends it. Pure: facts in, problems out.

Some things are simply not there, and another runtime will do; others stand in the way and can be put right.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

GIB = 2**30
MEMORY_NEEDED = 4 * GIB  # control plane 1, platform 3 at most reserved, of which it uses half; replicas 256 MiB each
DISK_NEEDED = 10 * GIB  # node image 1, our images 2, the same unpacked in the node, what the build keeps

DOCKER = "docker"
OLDEST = {"kind": (0, 30), "helm": (3, 14), "kubectl": (1, 30)}
ON_KIND = (DOCKER, "kind", "helm", "kubectl")
ON_CLUSTER = (DOCKER, "helm", "kubectl")  # images are built here, whoever runs them

INSTALL = {
    "linux": {
        "docker": "curl -fsSL https://get.docker.com | sudo sh",
        "kind": "sudo curl -fLo /usr/local/bin/kind https://kind.sigs.k8s.io/dl/v0.33.0/kind-linux-{arch} "
        "&& sudo chmod +x /usr/local/bin/kind",
        "helm": "curl -fsSL https://raw.githubusercontent.com/helm/helm/main/scripts/get-helm-4 | bash",
        "kubectl": "sudo curl -fLo /usr/local/bin/kubectl https://dl.k8s.io/release/v1.34.3/bin/linux/{arch}/kubectl "
        "&& sudo chmod +x /usr/local/bin/kubectl",
    },
    "darwin": {
        "docker": "brew install --cask docker && open -a Docker",
        "kind": "brew install kind || brew upgrade kind",
        "helm": "brew install helm || brew upgrade helm",
        "kubectl": "brew install kubectl || brew upgrade kubectl",
    },
}
START = {"linux": "sudo systemctl start docker", "darwin": "open -a Docker"}
HOLDER = {"linux": "ss -ltnp 'sport = :{port}'", "darwin": "lsof -nP -iTCP:{port} -sTCP:LISTEN"}


@dataclass(frozen=True, slots=True)
class System:
    """`name` is `linux` or `darwin`, `arch` as programs for it are named: `amd64` or `arm64`."""

    name: str
    arch: str


@dataclass(frozen=True, slots=True)
class Docker:
    """What it told of itself, or in `refusal` why it did not. `disk_free` is None where its disk can't be seen."""

    refusal: str = ""
    memory: int = 0
    disk_free: int | None = None
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """Of this machine, to a network that is not everything."""

    network: IPv4Network
    interface: str


@dataclass(frozen=True, slots=True)
class Place:
    """What stands in the way of a cluster that is to be made here. `subnets` are its own, by what they are for."""

    taken_ports: Collection[int] = ()
    routes: Sequence[Route] = ()
    subnets: Mapping[str, IPv4Network] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """`text` without an end; `mend` is a command, or what to do where there is none."""

    text: str
    mend: str

    def __str__(self) -> str:
        return f"{self.text}: {self.mend}"


def missing(system: System, versions: Mapping[str, str], docker: Docker, programs: Collection[str]) -> list[Problem]:
    """What is not there. `versions` has what each program that was found says of itself."""
    problems = [problem for name in programs if (problem := _program(system, versions, name))]
    if DOCKER not in programs or DOCKER not in versions:
        return problems
    if docker.refusal:
        return [*problems, _refused(system, docker.refusal)]
    return [*problems, *_too_little_memory(system, docker)] if "kind" in programs else problems


def in_the_way(system: System, docker: Docker, place: Place) -> list[Problem]:
    """What must be put right before a cluster can be made."""
    return [*_too_little_disk(docker), *_ports(system, place), *_routes(place)]


def _program(system: System, versions: Mapping[str, str], name: str) -> Problem | None:
    install = INSTALL[system.name][name].format(arch=system.arch)
    if name not in versions:
        return Problem(f"{name} is not on PATH", install)
    if name not in OLDEST:
        return None
    oldest = ".".join(map(str, OLDEST[name]))
    found = re.search(r"(\d+)\.(\d+)(\.\d+)?", versions[name])
    if not found:
        return Problem(f"{name} does not tell its version, {oldest} or later is needed", install)
    if (int(found[1]), int(found[2])) < OLDEST[name]:
        return Problem(f"{name} {found[0]} is too old, {oldest} or later is needed", install)
    return None


def _refused(system: System, refusal: str) -> Problem:
    if "permission denied" in refusal.lower():
        return Problem("Docker does not let this user in", "sudo usermod -aG docker $USER, then log out and in again")
    if "daemon running" in refusal:
        return Problem("Docker is not running", START[system.name])
    return Problem(f"Docker does not answer ({refusal})", "docker info")


def _too_little_memory(system: System, docker: Docker) -> Iterator[Problem]:
    if docker.memory < MEMORY_NEEDED:
        where = "Docker Desktop, Settings, Resources" if system.name == "darwin" else "a larger machine"
        text = f"Docker has {docker.memory / GIB:.1f} GiB of memory, {MEMORY_NEEDED // GIB} GiB are needed"
        yield Problem(text, f"{where}; or lab up --runtime local")


def _too_little_disk(docker: Docker) -> Iterator[Problem]:
    if docker.disk_free is not None and docker.disk_free < DISK_NEEDED:
        text = f"{docker.disk_free / GIB:.1f} GiB are free in {docker.folder}, {DISK_NEEDED // GIB} GiB are needed"
        yield Problem(text, "docker system prune")


def _ports(system: System, place: Place) -> Iterator[Problem]:
    for port in sorted(place.taken_ports):
        yield Problem(
            f"port {port} of 127.0.0.1 is taken; see by whom, and end it", HOLDER[system.name].format(port=port)
        )


def _routes(place: Place) -> Iterator[Problem]:
    for route in place.routes:
        hidden = [f"{what} ({net})" for what, net in (place.subnets or {}).items() if net.overlaps(route.network)]
        if hidden:
            text = (
                f"the route to {route.network} through {route.interface} overlaps the cluster's {' and '.join(hidden)}"
            )
            yield Problem(
                text, f"end what made it, or choose other subnets in k8s/kind.yaml; ip route get {route.network[1]}"
            )
