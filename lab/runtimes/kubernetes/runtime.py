"""A cluster as the engine sees it: a Helm release for each service, databases in the platform's PostgreSQL."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from shop import model

from lab.core import starting
from lab.core.autoscaling import Autoscaling, Size
from lab.core.deployment import Deployment, Facts, Replica, Resources, Service, Start, Throttling, Usage
from lab.core.exposition import Scrape, parse, total
from lab.core.images import OPERATOR, Built
from lab.core.manifest import RECOMMEND_ROLE, Manifest
from lab.core.objects import is_ending, name_of
from lab.errors import RuntimeFailure
from lab.runtimes.databases import Databases
from lab.runtimes.kubernetes import values
from lab.runtimes.kubernetes.autoscalers import Autoscalers
from lab.runtimes.kubernetes.kubectl import FIELD_MANAGER, MANAGED_BY, Kubectl
from lab.runtimes.kubernetes.pods import Pods, selector, watched
from lab.runtimes.kubernetes.releases import Releases
from lab.runtimes.kubernetes.sizes import sizes
from lab.runtimes.kubernetes.values import Postgresql
from lab.runtimes.kubernetes.waiting import Waiting

MODEL = "framework-lab-model"
RELEASE_MAX = 40  # a Job's name adds an image's digest, a pod's name random letters, to at most 63
READY_WITHIN_S = 180.0
GONE_WITHIN_S = 60.0
PASSING = ("contract-", "trial-")  # how the services of a comparison are called
PROCESS_START = "process_start_time_seconds"
POLL_S = 0.25
KILL_ALL = ("sh", "-c", "kill -9 -1")  # but for the shell itself and the pod's first process, which is not the user's


def release_name(text: str) -> str:
    """What Kubernetes takes for a name; long ones are cut, and told apart by a digest."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if len(plain) <= RELEASE_MAX:
        return plain
    return f"{plain[: RELEASE_MAX - 7]}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the runtime works with. `postgresql` and `cache_url` are as services reach them.

    `databases` is the address by which this machine reaches the databases. `over` is set when nothing more is wanted.
    """

    kubectl: Kubectl
    releases: Releases
    waiting: Waiting
    over: threading.Event
    images: Mapping[str, Built]
    chart: Path
    postgresql: Postgresql
    databases: str
    cache_url: str
    name: str
    secret: str
    namespaced: bool


class KubernetesRuntime:
    """Implements `lab.ports.Cluster`. Safe to use from several threads."""

    def __init__(self, parts: Parts, on_step: Callable[[str], None]) -> None:
        self._parts = parts
        self._on_step = on_step
        self._kubectl = parts.kubectl
        self._pods = Pods(parts.kubectl)
        self._databases = Databases(self._reached_url, self._migrate, lambda variant: f"_{self._tag(variant)}")
        self._services: dict[str, values.Values] = {}
        self._made: set[str] = set()
        self._resources: set[Resources] = set()
        self._changing = threading.Lock()
        self._autoscalers = Autoscalers(
            parts.kubectl,
            parts.releases,
            parts.waiting,
            self._change,
            parts.images[OPERATOR].reference,
            namespaced=parts.namespaced,
        )

    def facts(self) -> Facts:
        version = self._kubectl.json("version")["serverVersion"]["gitVersion"]
        limits = sorted({(one.cpu_m, one.memory_mib) for one in self._resources})
        told = ", ".join(f"{cpu_m}m CPU and {memory_mib} MiB" for cpu_m, memory_mib in limits)
        return Facts(
            runtime=self._parts.name,
            pinning="nothing is pinned; the kernel's CPU limits keep replicas apart",
            limits=f"A replica may use {told or 'what its chart says'}. PostgreSQL does not wait for the disk.",
            components={"kubernetes": version},
        )

    @cached_property
    def _secret(self) -> Mapping[str, bytes]:
        data = self._kubectl.json("get", "secret", self._parts.secret)["data"]
        return {key: base64.b64decode(value) for key, value in data.items()}

    def token_key(self) -> bytes:
        return self._secret["token-key"]

    def cache_url(self) -> str:
        return self._parts.cache_url

    def database(self, variant: Manifest, name: str, keep: bool = False) -> str:
        with self._changing:
            self._require_open()
            if not keep:
                self._made.add(name)
        if keep:
            self._databases.keep(variant, name, self._on_step)
        else:
            self._databases.make(variant, name)
        return self._inner_url(name)

    def deploy(self, deployment: Deployment) -> Service:
        release = release_name(deployment.name)
        if deployment.role == RECOMMEND_ROLE:
            self._require_model()
        told = values.service(deployment, self._image(deployment.variant).reference)
        with self._changing:
            self._require_open()
            self._services[deployment.name] = told
            self._resources.add(deployment.resources)
            self._parts.releases.install(release, self._parts.chart, told)
        return self._ready(deployment.name)

    def autoscaled(self, name: str, autoscaling: Autoscaling) -> AbstractContextManager[None]:
        """It has as many replicas afterwards as when it was deployed."""
        return self._autoscalers.over(release_name(name), self._services[name], autoscaling)

    def sizes(self, name: str) -> AbstractContextManager[Callable[[], Sequence[Size]]]:
        return sizes(self._kubectl, release_name(name))

    def scale(self, name: str, replicas: int) -> Service:
        """Replicas of a service that shall have none are not drained: nobody asks them."""
        release = release_name(name)
        self._kubectl.run("scale", f"deployment/{release}", f"--replicas={replicas}")
        if replicas:
            return self._ready(name)

        def gone() -> bool:
            """Again and again: one that is deleted before its ReplicaSet knows is replaced by another."""
            self._delete_all(release)
            return not self._pods.all(release)

        self._until(gone, f"the replicas of {name} to end")
        return Service(name, self._url(release), ())

    def usage(self, name: str) -> Sequence[Usage]:
        pods = self._pods.ready(release_name(name))
        readings = self._pods.readings(pods)
        return [
            Usage(pod, reading.pids, reading.cpu_s, reading.memory_bytes, frozenset(), alive=True)
            for pod, reading in readings.items()
        ]

    def throttling(self, name: str) -> Sequence[Throttling]:
        readings = self._pods.readings(self._pods.ready(release_name(name)))
        return [
            Throttling(pod, reading.periods, reading.throttled_periods, reading.throttled_s)
            for pod, reading in readings.items()
        ]

    def metrics(self, name: str) -> Sequence[Scrape]:
        return self._pods.scrapes(self._pods.ready(release_name(name)))

    def remove(self, name: str) -> None:
        self._end([release_name(name)])
        self._services.pop(name, None)

    def remove_left_over(self) -> None:
        """Of a comparison that was killed: its releases."""
        left = [name for name in self._parts.releases.names() if name.startswith(PASSING)]
        if left:
            self._on_step(f"removing what a killed command left: {', '.join(left)}")
            self._end(left)

    def remove_all(self) -> None:
        """Removes services and databases that were made here and are still there; the platform stays.

        Nothing more is made afterwards. What fails to go keeps none of the others.
        """
        self._parts.over.set()
        with self._changing, ExitStack() as going:
            for database in self._made:
                going.callback(self._databases.drop, database)
            releases = [release_name(name) for name in self._services]
            for release in releases:
                going.callback(self._delete_all, release)
            going.callback(self._autoscalers.remove_operator)
            going.callback(self._parts.releases.uninstall, releases)

    def roll(self, name: str) -> None:
        release = release_name(name)
        before = {pod["metadata"]["uid"] for pod in self._pods.all(release)}
        self._kubectl.run("rollout", "restart", f"deployment/{release}")
        self._ready(name)
        self._until(
            lambda: before.isdisjoint(pod["metadata"]["uid"] for pod in self._pods.all(release)),
            f"the old replicas of {name} to end",
        )

    def kill(self, name: str) -> str:
        pod = self._one_of(name)
        self._kubectl.run("exec", pod, "--container=service", "--", *KILL_ALL)
        return pod

    def evict(self, name: str) -> str:
        pod = self._one_of(name)
        namespace = self._kubectl.namespace
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": namespace},
        }
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
        self._kubectl.run("create", "--raw", path, "--filename=-", stdin=json.dumps(eviction).encode())
        return pod

    def start(self, name: str) -> Start:
        release = release_name(name)
        with watched(self._kubectl, "pods", selector(release)) as news:
            asked_at, asked_at_unix_s = time.monotonic(), time.time()
            self._kubectl.run("scale", f"deployment/{release}", "--replicas=1")
            seen: list[tuple[float, starting.Pod]] = []
            while not seen or not starting.is_ready(seen[-1][1]):
                if time.monotonic() - asked_at > READY_WITHIN_S:
                    raise RuntimeFailure(f"{name} was not seen to become ready within {READY_WITHIN_S:g} s")
                if seen and starting.is_troubled(seen[-1][1]):
                    self._ready(name)  # says what it is
                seen += [(at_s - asked_at, pod) for at_s, pod in news(1.0) if at_s >= asked_at and not is_ending(pod)]
        path = f"/api/v1/namespaces/{self._kubectl.namespace}/services/{release}:{values.PORT}/proxy/ping"
        self._until(lambda: self._answers(path), f"{name} to answer")
        first_answer_s = time.monotonic() - asked_at
        process_unix_s = self._process_start(name)
        process_s = process_unix_s - asked_at_unix_s if process_unix_s else None
        started = starting.start(seen, first_answer_s, process_s)
        if started is None:
            raise RuntimeFailure(f"{name} is ready, but not all of its start was seen")
        return started

    def image_bytes(self, variant: Manifest) -> int:
        return self._image(variant).size_bytes

    def _process_start(self, name: str) -> float | None:
        """Unix time, by the node's clock; None without metrics."""
        found = [parse(scrape.text).gauges for scrape in self.metrics(name)]
        return total(found[0], PROCESS_START) if found else None

    def _require_open(self) -> None:
        if self._parts.over.is_set():
            raise RuntimeFailure("the lab was closed meanwhile")

    def _answers(self, path: str) -> bool:
        try:
            self._kubectl.run("get", "--raw", path)
        except RuntimeFailure:
            return False
        return True

    def _ready(self, name: str) -> Service:
        """When all replicas that it shall have are."""
        release = release_name(name)
        self._parts.waiting.ready([f"deployment/{release}"], READY_WITHIN_S)
        return Service(name, self._url(release), tuple(map(_replica, self._pods.ready(release))))

    def _url(self, release: str) -> str:
        return f"http://{release}:{values.PORT}"

    def _one_of(self, name: str) -> str:
        """The pod that has been there longest."""
        pods = self._pods.ready(release_name(name))
        if not pods:
            raise RuntimeFailure(f"{name} has no replica that is ready")
        return name_of(min(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"])))

    def _end(self, releases: Sequence[str]) -> None:
        """With their pods, undrained."""
        self._parts.releases.uninstall(releases)
        for release in releases:
            self._delete_all(release)

    def _delete_all(self, release: str) -> None:
        selected = f"--selector=app.kubernetes.io/instance={release}"
        self._kubectl.run("delete", "pods", selected, "--grace-period=1", "--wait=false", "--ignore-not-found")

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + GONE_WITHIN_S
        while not holds():
            if time.monotonic() > deadline:
                raise RuntimeFailure(f"waited {GONE_WITHIN_S:g} s for {what}")
            time.sleep(POLL_S)

    def _change(self, release: str, told: values.Values) -> None:
        with self._changing:
            self._require_open()
            self._parts.releases.install(release, self._parts.chart, told)

    def _require_model(self) -> None:
        """Made when it is first needed; whoever makes it at the same time makes the same."""
        if self._kubectl.run("get", "configmap", MODEL, "--ignore-not-found", "--output=name"):
            return
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model"
            model.write(file, model.build())
            content = base64.b64encode(file.read_bytes()).decode()
        self._kubectl.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": MODEL, "labels": {MANAGED_BY: FIELD_MANAGER}},
                "binaryData": {"model": content},
            }
        )

    def _image(self, variant: Manifest) -> Built:
        return self._parts.images[variant.name]

    def _tag(self, variant: Manifest) -> str:
        return self._image(variant).reference.rpartition(":")[2]

    def _password(self) -> str:
        return self._secret["postgres-password"].decode()

    def _inner_url(self, database: str) -> str:
        return self._database_url(database, self._parts.postgresql.address)

    def _reached_url(self, database: str) -> str:
        return self._database_url(database, self._parts.databases)

    def _database_url(self, database: str, address: str) -> str:
        return values.database_url(database, self._password(), address, self._parts.postgresql.user)

    def _migrate(self, variant: Manifest, database: str) -> None:
        self._on_step(f"{variant.name}: migrations and seed")
        release = release_name(f"{variant.name}-schema")
        told = values.migration(variant, self._image(variant).reference, self._inner_url(database))
        with self._changing:
            self._require_open()
            self._parts.releases.uninstall([release])  # its Job ended well, for a database that is gone
            self._parts.releases.install(release, self._parts.chart, told)
        found = self._kubectl.items("get", "jobs", f"--selector=app.kubernetes.io/instance={release}")
        jobs = [f"job/{name_of(job)}" for job in found]
        self._parts.waiting.ready(jobs, READY_WITHIN_S)


def _replica(pod: starting.Pod) -> Replica:
    status = next(status for status in pod["status"]["containerStatuses"] if status["name"] == "service")
    started = datetime.fromisoformat(status["state"]["running"]["startedAt"])
    ready = next(condition for condition in pod["status"]["conditions"] if condition["type"] == "Ready")
    return Replica(
        id=name_of(pod),
        metrics_url=f"http://{pod['status']['podIP']}:{values.METRICS_PORT}",
        pids=(),
        ready_s=(datetime.fromisoformat(ready["lastTransitionTime"]) - started).total_seconds(),
        first_answer_s=None,
        restarts=status["restartCount"],
    )
