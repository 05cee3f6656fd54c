"""What the operator bears on a real cluster: the API server ends, a second operator comes, a StatefulSet is scaled."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from lab.core.deployment import Deployment
from lab.core.images import OPERATOR
from lab.core.manifest import PING_ROLE
from lab.core.objects import condition_of, is_ending, name_of
from lab.core.telemetry import Telemetry
from lab.errors import CommandFailed
from lab.runtimes.kubernetes import images, operator, values
from lab.runtimes.kubernetes.kubectl import Kubectl, run
from lab.runtimes.kubernetes.releases import Releases
from lab.runtimes.kubernetes.waiting import Waiting
from lab.tree import ROOT, SERVICES
from lab.variants import load_manifests
from tests.cluster.labs import Lab
from tests.polling import until

pytestmark = pytest.mark.long

VARIANT = load_manifests([SERVICES])["flask"]
WEB, KEPT = "web", "kept"  # a Deployment and a StatefulSet
SECOND = "second"
INSTANCE = "app.kubernetes.io/instance"
SOON_S = 60.0
TICKS = re.compile(r"^lab_autoscaler_tick_duration_seconds_count (\S+)$", re.MULTILINE)
SOME_TICKS_S = 15.0


def scaler(target: str, kind: str, least: int) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling.frameworklab.dev/v1alpha1",
        "kind": "HTTPAutoscaler",
        "metadata": {"name": target},
        "spec": {
            "minReplicas": least,
            "maxReplicas": 4,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": target},
        },
    }


@pytest.fixture(scope="module")
def operated(kubectl: Kubectl) -> Iterator[Kubectl]:
    """The operator, and a service of one replica."""
    releases, waiting = Releases(kubectl, lambda step: None), Waiting(kubectl, lambda step: None)
    deployment = Deployment(WEB, VARIANT, PING_ROLE, telemetry=Telemetry.parse("metrics"))
    image = images.build([VARIANT], "", lambda step: None)
    releases.install(WEB, ROOT / "helm" / "service", values.service(deployment, image[VARIANT.name].reference))
    operator.install(kubectl, releases, image[OPERATOR].reference, namespaced=False)
    operator.ready(waiting)
    waiting.ready([f"deployment/{WEB}"], SOON_S)
    yield kubectl
    releases.uninstall([WEB])
    operator.remove(releases)
    kubectl.run("delete", operator.DEFINITION, "--all")


def as_stateful_set(deployment: dict[str, Any]) -> dict[str, Any]:
    """With the same pods, by another name."""
    spec = deepcopy(deployment["spec"])
    for belongs_to_a_deployment in ("strategy", "progressDeadlineSeconds"):
        del spec[belongs_to_a_deployment]
    for labels in (spec["selector"]["matchLabels"], spec["template"]["metadata"]["labels"]):
        labels[INSTANCE] = KEPT
    for constraint in spec["template"]["spec"]["topologySpreadConstraints"]:
        constraint["labelSelector"]["matchLabels"][INSTANCE] = KEPT
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": KEPT},
        "spec": {**spec, "serviceName": WEB},
    }


def replicas(kubectl: Kubectl, target: str) -> int:
    """As many as are asked for."""
    return int(kubectl.json("get", target)["spec"]["replicas"])


def operators(kubectl: Kubectl) -> dict[str, dict[str, Any]]:
    """Their pods by their releases."""
    pods = kubectl.items("get", "pods", "--selector=app.kubernetes.io/name=operator")
    return {pod["metadata"]["labels"][INSTANCE]: pod for pod in pods if not is_ending(pod)}


def restarts(kubectl: Kubectl) -> int:
    """Of the operator's container."""
    return int(operators(kubectl)[operator.RELEASE]["status"]["containerStatuses"][0]["restartCount"])


def ticks(kubectl: Kubectl, release: str) -> float:
    pod = name_of(operators(kubectl)[release])
    page = kubectl.run("get", "--raw", f"/api/v1/namespaces/{kubectl.namespace}/pods/{pod}:8080/proxy/metrics")
    found = TICKS.search(page)
    return float(found[1]) if found else 0.0


def test_a_stateful_set_is_scaled(operated: Kubectl) -> None:
    operated.apply(as_stateful_set(operated.json("get", f"deployment/{WEB}")))
    operated.apply(scaler(KEPT, "StatefulSet", 2))

    until(lambda: replicas(operated, f"statefulset/{KEPT}") == 2, SOON_S, "a second replica is asked for")
    until(
        lambda: condition_of(operated.json("get", f"{operator.DEFINITION}/{KEPT}"), "MetricsAvailable"),
        SOON_S,
        "its pods are known and tell their metrics",
    )

    operated.run("delete", f"{operator.DEFINITION}/{KEPT}", f"statefulset/{KEPT}")


def test_it_goes_on_after_the_api_server_has_ended(lab: Lab, operated: Kubectl) -> None:
    operated.apply(scaler(WEB, "Deployment", 1))
    until(lambda: condition_of(operated.json("get", f"{operator.DEFINITION}/{WEB}"), "Ready"), SOON_S, "it decides")
    before = restarts(operated)

    run(["docker", "exec", f"{lab.place.cluster}-control-plane", "pkill", "--signal", "KILL", "kube-apiserver"])
    until(lambda: is_answering(operated), SOON_S, "the API answers again")
    operated.apply(scaler(WEB, "Deployment", 2))

    until(lambda: replicas(operated, f"deployment/{WEB}") == 2, SOON_S, "what is asked of it meanwhile is done")
    assert restarts(operated) == before


def is_answering(kubectl: Kubectl) -> bool:
    try:
        return kubectl.run("get", "--raw", "/readyz") == "ok"
    except CommandFailed:
        return False


def test_of_two_operators_one_waits_and_takes_over(operated: Kubectl) -> None:
    """The one that acts ends without a word to the other."""
    releases, waiting = Releases(operated, lambda step: None), Waiting(operated, lambda step: None)
    image = images.build([], "", lambda step: None)[OPERATOR].reference
    releases.install(SECOND, operator.CHART, values.operator(image, operated.namespace, defines=False))
    waiting.ready([f"deployment/{SECOND}"], SOON_S)

    both = (operator.RELEASE, SECOND)
    until(lambda: len(acting(operated, both)) == 1, 4 * SOME_TICKS_S, "one of them acts")
    (first,) = acting(operated, both)
    (other,) = set(both) - {first}
    operated.run("scale", f"deployment/{first}", "--replicas=0")
    operated.run("delete", "pods", f"--selector={INSTANCE}={first}", "--grace-period=0", "--force", "--wait=false")
    operated.apply(scaler(WEB, "Deployment", 3))

    until(lambda: replicas(operated, f"deployment/{WEB}") == 3, SOON_S, f"{other} does what is asked for")
    releases.uninstall([SECOND])


def acting(kubectl: Kubectl, releases: tuple[str, ...]) -> set[str]:
    """Those that tick within SOME_TICKS_S."""
    before = {release: ticks(kubectl, release) for release in releases}
    found: set[str] = set()
    give_up = time.monotonic() + SOME_TICKS_S
    while time.monotonic() < give_up:
        found |= {release for release in releases if ticks(kubectl, release) > before[release]}
    return found
