"""The lab's own cluster: made by kind when it is needed, found again by later commands, gone after `delete`.

All that it writes is beside its kubeconfig, which is a file of its own: the user's contexts stay as they are.
"""

from __future__ import annotations

import fcntl
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import yaml

from lab.core import documents
from lab.errors import CommandFailed, InputError, RuntimeFailure
from lab.runtimes.kubernetes.kubectl import Kubectl, run
from lab.runtimes.kubernetes.tied import tied

DELETED_WITHIN_S = 60.0
STARTED_WITHIN_S = 120.0
ANSWERS_WITHIN_S = 15.0
POLL_S = 0.5
HOST = "127.0.0.1"
STEP = re.compile(r" • ([A-Z])([ -~]+)")

SUBNETS = ["podSubnet", "serviceSubnet"]
PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
NODE = {
    "type": "object",
    "properties": {
        "image": {"type": "string", "examples": ["kindest/node:v1.34.3"]},
        "extraPortMappings": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["containerPort", "hostPort"],
                "properties": {"containerPort": PORT, "hostPort": PORT},
            },
        },
    },
}
# Of kind's own format, what the lab reads.
SCHEMA = {
    "type": "object",
    "required": ["networking", "nodes"],
    "properties": {
        "networking": {
            "type": "object",
            "required": SUBNETS,
            "properties": {
                "podSubnet": {"type": "string", "examples": ["198.19.0.0/20"]},
                "serviceSubnet": {"type": "string", "examples": ["198.19.128.0/20"]},
            },
        },
        "nodes": {
            "type": "array",
            "minItems": 1,
            "prefixItems": [{**NODE, "required": ["image"]}],
            "items": NODE,
        },
    },
}

OnStep = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class KindConfig:
    """What `kind.yaml` asks for. `opened` are ports of 127.0.0.1, by the port of a node that each leads to."""

    file: Path
    image: str
    pod_subnet: str
    service_subnet: str
    opened: Mapping[int, int]

    @classmethod
    def read(cls, file: Path) -> KindConfig:
        """Raises InputError where it can't be read, or lacks what the lab must know of a cluster."""
        try:
            document, problems = documents.read(file.read_text(encoding="utf-8"), SCHEMA)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(str(file), [f"cannot be read: {error}"]) from None
        if not problems:
            problems = [problem for name in SUBNETS if (problem := _no_network(name, document["networking"][name]))]
        if problems:
            raise InputError(str(file), problems)
        nodes = document["nodes"]
        return cls(
            file=file,
            image=nodes[0]["image"],
            pod_subnet=document["networking"]["podSubnet"],
            service_subnet=document["networking"]["serviceSubnet"],
            opened={
                port["containerPort"]: port["hostPort"] for node in nodes for port in node.get("extraPortMappings", ())
            },
        )


def _no_network(name: str, text: str) -> str:
    """Why that text is no IPv4 network; empty where it is one."""
    try:
        IPv4Network(text)
    except ValueError as error:
        return f"networking.{name}: {error}"
    return ""


class KindCluster:
    """A cluster by its name. While one is being made a file says so; found later, it tells of an interruption.

    `config` is a file, which need not be there any more to delete the cluster.
    """

    def __init__(self, name: str, config: Path, kubeconfig: Path) -> None:
        self.name = name
        self._file = config
        self.kubeconfig = kubeconfig
        self._half = kubeconfig.with_name(f"{kubeconfig.name}.creating")
        self._busy = kubeconfig.with_name(f"{kubeconfig.name}.busy")

    @property
    def context(self) -> str:
        return f"kind-{self.name}"

    @cached_property
    def config(self) -> KindConfig:
        """Raises InputError as `KindConfig.read` does."""
        return KindConfig.read(self._file)

    def nodes(self) -> list[str]:
        """The names of its nodes' containers."""
        label = f"label=io.x-k8s.kind.cluster={self.name}"
        return run(["docker", "ps", "--all", f"--filter={label}", "--format={{.Names}}"]).split()

    def create(self, on_step: OnStep, on_own: Callable[[], None] = lambda: None) -> None:
        """Makes the cluster, or finds it and starts its nodes where they were stopped; returns when it answers.

        Calls `on_own` as soon as the cluster is the lab's to delete: right before it is made, or once the one of that
        name turned out to be as the configuration asks; raises RuntimeFailure when that is not so. May be interrupted:
        what is half made is removed, now or by the next call.
        """
        self.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        with self._alone():
            if self._half.exists():
                on_step(f"cluster {self.name}: removing what an interrupted command left")
                self._remove()
            nodes = self.nodes()
            if nodes:
                self._open(nodes, on_step)
                on_own()
            else:
                on_own()
                self._make(on_step)

    def delete(self) -> None:
        """Also when it is half made, stopped, or not there."""
        self.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        with self._alone():
            self._remove()
            self._busy.unlink()

    def _make(self, on_step: OnStep) -> None:
        argv = ["kind", "create", "cluster", *self._named, f"--config={self.config.file}"]
        self._half.touch()
        said = ""
        try:
            with tied(argv) as process:
                assert process.stdout
                for line in process.stdout:
                    text = line.decode(errors="replace")
                    said += text
                    if match := STEP.match(text):
                        on_step(f"cluster {self.name}: {match[1].lower()}{match[2].strip()}")
            if process.wait():
                raise CommandFailed(argv, process.returncode, said)
        except BaseException:
            self._remove()
            raise
        self._half.unlink()

    def _open(self, nodes: Sequence[str], on_step: OnStep) -> None:
        found = json.loads(run(["docker", "inspect", *nodes]))
        stopped = [node["Name"].lstrip("/") for node in found if not node["State"]["Running"]]
        if stopped:
            on_step(f"cluster {self.name}: starting {', '.join(stopped)}")
            run(["docker", "start", *stopped])
        within_s, since = (STARTED_WITHIN_S, self._started_at(nodes)) if stopped else (ANSWERS_WITHIN_S, "")
        try:
            self._until(lambda: run(["kind", "export", "kubeconfig", *self._named]), within_s)
            self._until(lambda: self._require_news(since), within_s)
            differences = self._differences(found)
        except RuntimeFailure as failure:
            raise RuntimeFailure(f"cluster {self.name} is not whole; {self._remedy}\n{failure}") from failure
        if differences:
            problems = "; ".join(differences)
            raise RuntimeFailure(f"cluster {self.name} is not as {self.config.file} says: {problems}; {self._remedy}")

    def _differences(self, nodes: Sequence[Any]) -> list[str]:
        """Of the cluster from its configuration, each as a text."""
        settings = self._kubectl.run(
            "get", "configmap", "kubeadm-config", "--output=jsonpath={.data.ClusterConfiguration}"
        )
        networking = yaml.safe_load(settings)["networking"]
        bound = [bindings for node in nodes for bindings in node["HostConfig"]["PortBindings"].values()]
        ports = {int(binding["HostPort"]) for bindings in bound for binding in bindings}
        asked = [
            ("its node image", nodes[0]["Config"]["Image"], self.config.image),
            ("its pods' subnet", networking["podSubnet"], self.config.pod_subnet),
            ("its services' subnet", networking["serviceSubnet"], self.config.service_subnet),
        ]
        return [
            *(f"{what} is {found}, not {wanted}" for what, found, wanted in asked if found != wanted),
            *(f"it does not serve port {port}" for port in self.config.opened.values() if port not in ports),
        ]

    def _remove(self) -> None:
        """Until nothing is left of it: a container that Docker was still asked for may come up a moment later."""
        deadline = time.monotonic() + DELETED_WITHIN_S
        self._kind_lock.unlink(missing_ok=True)
        while True:
            run(["kind", "delete", "cluster", *self._named])
            if not self.nodes():
                break
            if time.monotonic() > deadline:
                raise RuntimeFailure(f"cluster {self.name} is still there after {DELETED_WITHIN_S:g} s; {self._remedy}")
        for file in (self.kubeconfig, self._kind_lock, self._half):
            file.unlink(missing_ok=True)

    def _require_news(self, since: str) -> None:
        """Raises RuntimeFailure unless the cluster answers, with nothing that it knows of containers before `since`."""
        self._kubectl.run("get", "--raw=/readyz")
        pods = self._kubectl.items("get", "pods", "--all-namespaces")
        statuses = [status for pod in pods for status in pod["status"].get("containerStatuses", ())]
        running = [status["state"]["running"]["startedAt"] for status in statuses if "running" in status["state"]]
        if any(started_at < since for started_at in running):
            raise RuntimeFailure("pods have not been looked after since the nodes were started")

    def _started_at(self, nodes: Sequence[str]) -> str:
        """When the last node was started, to the second, as Kubernetes writes times."""
        times = run(["docker", "inspect", "--format={{.State.StartedAt}}", *nodes]).split()
        return f"{max(times)[: len('2000-01-01T00:00:00')]}Z"

    def _until(self, succeeds: Callable[[], object], within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while True:
            try:
                succeeds()
            except RuntimeFailure:
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_S)
            else:
                return

    @property
    def _kubectl(self) -> Kubectl:
        return Kubectl(self.context, "kube-system", self.kubeconfig)

    @property
    def _named(self) -> list[str]:
        return [f"--name={self.name}", f"--kubeconfig={self.kubeconfig}"]

    @property
    def _remedy(self) -> str:
        return f"remove it, and try again: kind delete cluster --name {self.name}"

    @property
    def _kind_lock(self) -> Path:
        """Kind's own, which stays when kind is killed."""
        return self.kubeconfig.with_name(f"{self.kubeconfig.name}.lock")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._busy.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RuntimeFailure(f"another command makes or deletes cluster {self.name}; wait for it") from None
            yield
