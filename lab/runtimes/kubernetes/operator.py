"""The operator beside a lab's services: a release of its own, which is there while something is to be scaled by it.

What it scales goes first: nobody would look after it any more. The definition of HTTPAutoscaler stays in the cluster,
and is whose it is: another lab's, or another operator's.
"""

from __future__ import annotations

import json

from scaler.resource import GROUP, PLURAL, VERSION

from lab.core.objects import Object, name_of
from lab.errors import CommandFailed, RuntimeFailure
from lab.runtimes.kubernetes import values
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.runtimes.kubernetes.releases import Releases
from lab.runtimes.kubernetes.waiting import Waiting
from lab.tree import ROOT

RELEASE = "operator"
CHART = ROOT / "helm" / "operator"
DEFINITION = f"{PLURAL}.{GROUP}"
DEFINITIONS = [(GROUP, VERSION, PLURAL), ("kopf.dev", "v1", "kopfpeerings")]  # without which it does not work
OPERATORS = "--selector=app.kubernetes.io/name=operator,app.kubernetes.io/part-of=framework-lab"
READY_WITHIN_S = 120.0


def install(kubectl: Kubectl, releases: Releases, image: str, *, namespaced: bool) -> None:
    """For its own namespace; does not wait for it. `image` is its reference; `namespaced`: nothing is made outside.

    Raises RuntimeFailure where it would not be alone, or would lack a definition that is not the lab's to make, and
    CommandFailed with what Helm says.
    """
    if others := _everywhere(kubectl):
        raise RuntimeFailure(
            f"the operator {others[0]} scales in all namespaces, and the lab's would scale the same beside it; give "
            "that one its namespaces by its chart's value  namespaces,  or compare without:  --autoscaler hpa,none"
        )
    defines = not namespaced and _may_define(kubectl)
    lacking = [] if defines else [f"{of[2]}.{of[0]}" for of in DEFINITIONS if not _is_served(kubectl, *of)]
    if lacking:
        raise RuntimeFailure(
            f"{kubectl.context} has no definition of {' and '.join(lacking)}, without which no operator works; "
            '"In one namespace" of helm/operator/README.md has the command that makes them'
        )
    releases.install(RELEASE, CHART, values.operator(image, kubectl.namespace, defines=defines))


def ready(waiting: Waiting) -> None:
    """Returns when it is. Raises NotReady."""
    waiting.ready([f"deployment/{RELEASE}"], READY_WITHIN_S)


def remove(releases: Releases) -> None:
    releases.uninstall([RELEASE])


def is_defined(kubectl: Kubectl) -> bool:
    """Whether the cluster knows HTTPAutoscalers; who may look at nothing but a namespace may ask that too."""
    return _is_served(kubectl, GROUP, VERSION, PLURAL)


def looks_everywhere(deployment: Object) -> bool:
    """Whether it is an operator that is told no namespace."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return not any(argument.startswith("--namespace") for one in containers for argument in one.get("args", ()))


def _everywhere(kubectl: Kubectl) -> list[str]:
    """Operators of all namespaces, as `namespace/name`; none where the cluster does not let anybody look for them."""
    try:
        found = kubectl.items("get", "deployments", "--all-namespaces", OPERATORS)
    except CommandFailed:
        return []
    return [f"{one['metadata']['namespace']}/{name_of(one)}" for one in found if looks_everywhere(one)]


def _is_served(kubectl: Kubectl, group: str, version: str, plural: str) -> bool:
    """By discovery of this group alone: another one's server may be away."""
    groups = json.loads(kubectl.run("get", "--raw", "/apis"))["groups"]
    if group not in [one["name"] for one in groups]:
        return False
    resources = json.loads(kubectl.run("get", "--raw", f"/apis/{group}/{version}"))["resources"]
    return plural in [one["name"] for one in resources]


def _may_define(kubectl: Kubectl) -> bool:
    """Whether the definition is not there, or of this release."""
    found = kubectl.run("get", "crd", DEFINITION, "--ignore-not-found", "--output=json")
    annotations = json.loads(found)["metadata"].get("annotations", {}) if found.strip() else None
    owner = {"meta.helm.sh/release-name": RELEASE, "meta.helm.sh/release-namespace": kubectl.namespace}
    return annotations is None or owner.items() <= annotations.items()
