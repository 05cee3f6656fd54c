"""Looks at this machine before anything is made: are the programs there, does Docker answer, is the place free?"""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from lab.core import preflight
from lab.core.preflight import ON_CLUSTER, ON_KIND, Docker, Place, Problem, Route, System
from lab.errors import InputError, RuntimeFailure
from lab.runtimes.kubernetes.kind import HOST, KindCluster, KindConfig
from lab.runtimes.kubernetes.kubectl import run

TOLD_WITHIN_S = 20.0
VERSION = {
    "docker": ("--version",),
    "kind": ("version",),
    "helm": ("version", "--short"),
    "kubectl": ("version", "--client"),
}
DOCKER_INFO = ("docker", "info", "--format={{json .}}")
ROUTES = Path("/proc/net/route")
REJECTED = 0x200  # RTF_REJECT of a route that leads nowhere


def suitable() -> list[str]:
    """Why this machine can't run kind, a reason each; none when it can."""
    return [problem.text for problem in _missing(ON_KIND, _docker())]


def require_kind(cluster: KindCluster) -> None:
    """Raises InputError with every problem at once. A cluster that exists holds its ports, and is where it is."""
    docker = _docker()
    exists = not docker.refusal and bool(cluster.nodes())
    place = Place() if exists else _place(cluster.config)
    _require("what kind needs", [*_missing(ON_KIND, docker), *preflight.in_the_way(_system(), docker, place)])


def require_clients() -> None:
    """The same for a cluster that somebody else made."""
    _require("what a cluster needs here", _missing(ON_CLUSTER, _docker()))


def _require(where: str, problems: Sequence[Problem]) -> None:
    if problems:
        raise InputError(where, [str(problem) for problem in problems])


def _missing(programs: Collection[str], docker: Docker) -> list[Problem]:
    found = [name for name in programs if shutil.which(name)]
    with ThreadPoolExecutor() as pool:
        versions = dict(zip(found, pool.map(_version, found), strict=True))
    return preflight.missing(_system(), versions, docker, programs)


def _version(program: str) -> str:
    try:
        return run([program, *VERSION[program]], timeout_s=TOLD_WITHIN_S)
    except RuntimeFailure:
        return ""


def _system() -> System:
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return System("darwin" if sys.platform == "darwin" else "linux", arch)


def _docker() -> Docker:
    """Where the daemon does not answer, `docker info` says so as an error, and ends with 0 or 1, by its version."""
    try:
        asked = subprocess.run(DOCKER_INFO, capture_output=True, timeout=TOLD_WITHIN_S, start_new_session=True)
    except FileNotFoundError:
        return Docker(refusal="it is not there")
    except subprocess.TimeoutExpired:
        return Docker(refusal=f"not within {TOLD_WITHIN_S:g} s")
    told = json.loads(asked.stdout or b"{}")
    if not told.get("ServerVersion"):
        said = asked.stderr.decode(errors="replace").split("\n")
        return Docker(refusal=next(filter(None, said), f"exit code {asked.returncode}"))
    folder = told["DockerRootDir"]
    is_here = told["Name"] == socket.gethostname() and os.path.lexists(folder)
    return Docker(memory=told["MemTotal"], disk_free=shutil.disk_usage(folder).free if is_here else None, folder=folder)


def _place(config: KindConfig) -> Place:
    subnets = {"pods": IPv4Network(config.pod_subnet), "services": IPv4Network(config.service_subnet)}
    taken_ports = [port for port in config.opened.values() if _is_taken(port)]
    return Place(taken_ports=taken_ports, routes=routes(), subnets=subnets)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that ended a moment ago don't count
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return True
    return False


def routes(table: Path = ROUTES) -> list[Route]:
    """Of this machine, but for the default one and those that lead nowhere; none on other systems than Linux."""
    if not table.exists():
        return []
    found = []
    for line in table.read_text().splitlines()[1:]:
        interface, destination, _, flags, _, _, _, mask = line.split()[:8]
        if int(mask, 16) and not int(flags, 16) & REJECTED:
            found.append(Route(IPv4Network((_address(destination), str(_address(mask)))), interface))
    return found


def _address(hexadecimal: str) -> IPv4Address:
    """The kernel writes them in the order of the machine's bytes."""
    return IPv4Address(struct.pack("=I", int(hexadecimal, 16)))
