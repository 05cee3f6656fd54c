"""Opens a lab on a cluster: the cluster itself where it is kind's, images, secrets, the platform. All is done again
only where something changed, so that a second opening is quick and an interrupted one is resumed."""

from __future__ import annotations

import base64
import fcntl
import json
import secrets
import shlex
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.core.images import LAB, Built
from lab.core.manifest import Manifest
from lab.errors import CommandFailed, InputError, NotReady, RuntimeFailure
from lab.runtimes.kubernetes import images, values
from lab.runtimes.kubernetes.checking import JobChecker
from lab.runtimes.kubernetes.forwarding import HOST, forwarded
from lab.runtimes.kubernetes.kind import KindCluster, KindConfig
from lab.runtimes.kubernetes.kubectl import FIELD_MANAGER, MANAGED_BY, Kubectl
from lab.runtimes.kubernetes.place import Place
from lab.runtimes.kubernetes.preflight import require_clients, require_kind
from lab.runtimes.kubernetes.releases import Releases
from lab.runtimes.kubernetes.runtime import KubernetesRuntime, Parts
from lab.runtimes.kubernetes.waiting import Waiting
from lab.runtimes.kubernetes.workers import JobGenerator
from lab.tree import ROOT

CHARTS = ROOT / "helm"
PLATFORM = "platform"
LOCK = "comparing.lock"
SECRET = "framework-lab"  # noqa: S105 - its name
TOKEN_KEY_BYTES = 48
PLATFORM_READY_WITHIN_S = 300.0
GONE_WITHIN_S = 180.0
FOR_PEOPLE = ("grafana", "prometheus", "alertmanager")
OURS = {"app.kubernetes.io/part-of": FIELD_MANAGER, MANAGED_BY: FIELD_MANAGER}
KIND = "kind-"  # how kind begins the names of its contexts
ENFORCED = {**OURS, "pod-security.kubernetes.io/enforce": "restricted"}

OnStep = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Platform:
    """What stands beside the services: parts to leave out, and values of the chart over the lab's own."""

    without: frozenset[str]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """A lab whose platform is ready. `generator` and `checker` are made for a run, of the lab's own image."""

    runtime: KubernetesRuntime
    images: Mapping[str, Built]
    otlp_url: str
    generator: Callable[[str, int], JobGenerator]
    checker: Callable[[int], JobChecker]


@contextmanager
def cluster_lab(
    place: Place, directory: Path, variants: Sequence[Manifest], platform: Platform, on_step: OnStep
) -> Iterator[Opened]:
    """Services and databases that the block made are removed when it is left; cluster and platform stay.

    One at a time from a lab's directory: two would take each other's room. What a killed one has left is removed.
    """
    with _alone(directory), opened_runtime(place, directory, variants, platform, on_step) as (runtime, built, otlp_url):
        kubectl, image = place.kubectl, built[LAB].reference
        runtime.remove_left_over()
        try:
            yield Opened(
                runtime=runtime,
                images=built,
                otlp_url=otlp_url,
                generator=lambda run, workers: JobGenerator(kubectl, image, run, workers),
                checker=lambda seed: JobChecker(kubectl, image, seed),
            )
        finally:
            runtime.remove_all()


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """RuntimeFailure when another command compares there; the lock ends with the process, however it ends."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeFailure(f"another command uses the lab in {directory}; wait for it") from None
        yield


@contextmanager
def opened_runtime(
    place: Place, directory: Path, variants: Sequence[Manifest], platform: Platform, on_step: OnStep
) -> Iterator[tuple[KubernetesRuntime, Mapping[str, Built], str]]:
    """The same for services that stay: runtime, images, and the URL for traces, empty where nothing takes them."""
    place.require_only(directory)
    if place.cluster:
        built = _on_kind(place, directory, variants, platform, on_step)
    else:
        require_clients()
        built = images.build(variants, place.image_prefix, on_step)
        if not place.image_prefix:  # of somebody's own kind cluster, which can't pull them
            images.load(place.context.removeprefix(KIND), [image.reference for image in built.values()], on_step)
    kubectl = place.kubectl
    _require_namespace(place, directory)
    _require_secret(kubectl)
    over = threading.Event()
    releases, waiting = Releases(kubectl, on_step), Waiting(kubectl, on_step, over.is_set)
    told = _platform(place, platform, releases, waiting, on_step)
    with ExitStack() as stack:
        stack.callback(over.set)
        if given := values.address(told, "postgresql", ""):
            postgresql = values.Postgresql.from_url(given)
            databases = postgresql.address
        else:
            postgresql = values.Postgresql(values.POSTGRESQL, values.USER)
            databases = f"{HOST}:{stack.enter_context(forwarded(kubectl, 'postgresql', 5432))}"
        parts = Parts(
            kubectl=kubectl,
            releases=releases,
            waiting=waiting,
            over=over,
            images=built,
            chart=CHARTS / "service",
            postgresql=postgresql,
            databases=databases,
            cache_url=values.address(told, "valkey", values.CACHE_URL),
            name="kind" if place.cluster else "kubernetes",
            secret=SECRET,
            namespaced=place.namespaced,
        )
        collected = told.get("collector", {}).get("enabled", True)
        otlp_url = values.address(told, "collector", values.OTLP_URL if collected else "")
        yield KubernetesRuntime(parts, on_step), built, otlp_url


def _on_kind(
    place: Place, directory: Path, variants: Sequence[Manifest], platform: Platform, on_step: OnStep
) -> Mapping[str, Built]:
    """The cluster with all images in it that Docker has; both are made at the same time.

    The place is written as soon as the cluster is the lab's, for `lab down` after an interruption, and not before: it
    would delete another one of that name.
    """
    assert place.kubeconfig
    cluster = KindCluster(place.cluster, place.config, place.kubeconfig)
    require_kind(cluster)
    with ThreadPoolExecutor(1) as pool:
        building = pool.submit(images.build, variants, "", on_step)
        cluster.create(on_step, lambda: place.write(directory))
        built = building.result()
    images.load(place.cluster, [*(image.reference for image in built.values()), *_of_platform(platform)], on_step)
    return built


def _platform(place: Place, platform: Platform, releases: Releases, waiting: Waiting, on_step: OnStep) -> values.Values:
    """Installs it and waits; with which values. Only a database and a cache can't be done without."""
    without = frozenset(platform.without)
    while True:
        own = values.platform(on_kind=bool(place.cluster), namespaced=place.namespaced)
        told = values.merged(values.merged(own, dict(platform.values)), values.left_out(without))
        releases.install(PLATFORM, CHARTS / PLATFORM, told)
        try:
            waiting.ready(_workloads(place.kubectl), PLATFORM_READY_WITHIN_S)
        except NotReady as failure:
            failed = {part for part, name in values.DEPLOYMENTS.items() if f"deployment/{name}" in failure.workloads}
            if len(failed) < len(failure.workloads) or failed <= without:
                raise
            without = values.without_useless(without | failed)
            on_step(f"going on without {', '.join(sorted(without - platform.without))}: {failure}")
        else:
            return told


def _of_platform(platform: Platform) -> list[str]:
    """The images of its parts."""
    own = yaml.safe_load((CHARTS / PLATFORM / "values.yaml").read_text(encoding="utf-8"))
    parts = values.merged(own, dict(platform.values))
    left_out = {values.PARTS[part] for part in platform.without}
    return [
        part["image"]
        for key, part in parts.items()
        if isinstance(part, dict) and key not in left_out and "image" in part
    ]


def _require_namespace(place: Place, directory: Path) -> None:
    """The place is written once the cluster has answered, before anything is made there."""
    kubectl = place.kubectl
    found = _namespace(place)
    if found is None and place.namespaced:
        raise InputError("--namespace", [f"{place.namespace} is not there, and --namespaced makes none"])
    place.write(directory)
    if found is None:
        namespace = {"name": place.namespace, "labels": ENFORCED}
        kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": namespace})


def _namespace(place: Place) -> Mapping[str, Any] | None:
    """None where it is not there; empty where only its contents may be read, since somebody else has made it then."""
    try:
        found = place.kubectl.run("get", "namespace", place.namespace, "--ignore-not-found", "--output=json")
    except CommandFailed as failure:
        if place.namespaced and "(Forbidden)" in str(failure):
            place.kubectl.run("get", "secret", SECRET, "--ignore-not-found")  # refused where it is the wrong one
            return {}
        raise
    document: Mapping[str, Any] | None = json.loads(found) if found else None
    return document


def _require_secret(kubectl: Kubectl) -> None:
    """Made once; what is in it stays, because data that is there was made with it."""
    if kubectl.run("get", "secret", SECRET, "--ignore-not-found", "--output=name"):
        return
    made = {
        "postgres-password": secrets.token_urlsafe(24).encode(),
        "grafana-password": secrets.token_urlsafe(12).encode(),
        "token-key": secrets.token_bytes(TOKEN_KEY_BYTES),
    }
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET, "labels": OURS},
            "data": {key: base64.b64encode(value).decode() for key, value in made.items()},
        }
    )


def _workloads(kubectl: Kubectl) -> list[str]:
    """Of the platform, wherever they are ready or not."""
    selector = f"--selector=app.kubernetes.io/instance={PLATFORM}"
    found = kubectl.items("get", "deployments,statefulsets", selector)
    return [f"{one['kind'].lower()}/{one['metadata']['name']}" for one in found]


def addresses(place: Place) -> list[str]:
    """Where a person finds what is up, and how to get in: a line each."""
    kubectl = place.kubectl
    services = {one["metadata"]["name"]: one["spec"] for one in kubectl.items("get", "services")}
    there = {name: services[name]["ports"][0] for name in FOR_PEOPLE if name in services}
    opened = KindConfig.read(place.config).opened if place.cluster else {}
    lines = []
    for name, port in there.items():
        if host_port := opened.get(port.get("nodePort")):
            lines.append(f"{name}: http://127.0.0.1:{host_port}")
        else:
            lines.append(f"{name}: {shlex.join(kubectl.argv('port-forward', f'service/{name}', str(port['port'])))}")
    if "grafana" in there:
        password = base64.b64decode(kubectl.json("get", "secret", SECRET)["data"]["grafana-password"]).decode()
        lines.append(f"grafana: user admin, password {password}")
    return lines


def remove_all(place: Place, on_step: OnStep) -> None:
    """All that the lab made in a namespace that is not its own cluster's; the namespace too, where the lab made it."""
    kubectl = place.kubectl
    found = _namespace(place)
    if found is None:
        on_step(f"namespace {place.namespace} is gone already")
        return
    releases = Releases(kubectl, on_step)
    releases.uninstall(releases.names())
    made = ("job,service,configmap,secret", f"--selector={MANAGED_BY}={FIELD_MANAGER}")
    kubectl.run("delete", *made, "--ignore-not-found", "--wait=false")
    if found.get("metadata", {}).get("labels", {}).get(MANAGED_BY) == FIELD_MANAGER:
        kubectl.run("delete", "namespace", place.namespace, "--ignore-not-found", timeout_s=GONE_WITHIN_S)
