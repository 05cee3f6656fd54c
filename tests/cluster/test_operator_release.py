"""The operator's release: what comes with it, what stays of it, and that nothing waits for it when it is gone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.core.images import OPERATOR
from lab.errors import CommandFailed, RuntimeFailure
from lab.runtimes.kubernetes import images, operator, values
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.runtimes.kubernetes.releases import Releases
from lab.runtimes.kubernetes.waiting import Waiting
from tests.polling import until

pytestmark = pytest.mark.long

NAME = "nothing-to-scale"
TOLD_WITHIN_S = 30.0
SCALER = {
    "apiVersion": "autoscaling.frameworklab.dev/v1alpha1",
    "kind": "HTTPAutoscaler",
    "metadata": {"name": NAME},
    "spec": {"maxReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nobody"}},
}


@pytest.fixture(scope="module")
def image() -> str:
    return images.build([], "", lambda step: None)[OPERATOR].reference


@pytest.fixture
def releases(kubectl: Kubectl) -> Iterator[Releases]:
    releases = Releases(kubectl, lambda step: None)
    yield releases
    operator.remove(releases)


def install(kubectl: Kubectl, releases: Releases, image: str) -> None:
    operator.install(kubectl, releases, image, namespaced=False)
    operator.ready(Waiting(kubectl, lambda step: None))


def reason(kubectl: Kubectl) -> str:
    return str(kubectl.json("get", operator.DEFINITION, NAME).get("status", {}).get("reason", ""))


def test_resources_outlive_it_and_wait_for_nobody(kubectl: Kubectl, releases: Releases, image: str) -> None:
    install(kubectl, releases, image)
    kubectl.apply(SCALER)
    until(lambda: reason(kubectl) == "TargetNotFound", TOLD_WITHIN_S, "the operator says that there is no target")

    operator.remove(releases)
    assert kubectl.json("get", operator.DEFINITION, NAME)["metadata"].get("finalizers", []) == []

    kubectl.run("delete", operator.DEFINITION, NAME, timeout_s=10.0)


def test_an_upgrade_reaches_the_definition(kubectl: Kubectl, releases: Releases, image: str, tmp_path: Path) -> None:
    install(kubectl, releases, image)
    newer = tmp_path / "operator"
    shutil.copytree(operator.CHART, newer)
    template = newer / "templates" / "crd.yaml"
    template.write_text(template.read_text().replace("shortNames: [hta]", "shortNames: [hta, newer]"))

    releases.install(operator.RELEASE, newer, values.operator(image, kubectl.namespace, defines=True))

    until(lambda: "newer" in short_names(kubectl), TOLD_WITHIN_S, "the definition is the newer chart's")


def test_another_release_is_told_whose_the_definition_is(
    kubectl: Kubectl, namespace: Kubectl, releases: Releases, image: str
) -> None:
    install(kubectl, releases, image)
    told = values.operator(image, namespace.namespace, defines=True)

    with pytest.raises(CommandFailed, match=rf"of release operator of namespace {kubectl.namespace}; set crd.install"):
        Releases(namespace, lambda step: None).install(operator.RELEASE, operator.CHART, told)


def test_where_the_definition_is_another_labs_it_is_left_to_it(
    kubectl: Kubectl, namespace: Kubectl, releases: Releases, image: str
) -> None:
    install(kubectl, releases, image)
    others = Releases(namespace, lambda step: None)

    install(namespace, others, image)

    operator.remove(others)
    assert owner(kubectl) == kubectl.namespace


def test_beside_one_that_looks_everywhere_it_is_refused(
    kubectl: Kubectl, namespace: Kubectl, releases: Releases, image: str
) -> None:
    install(kubectl, releases, image)
    everywhere = {**values.operator(image, namespace.namespace, defines=False), "namespaces": []}
    others = Releases(namespace, lambda step: None)
    others.install("everywhere", operator.CHART, everywhere)

    with pytest.raises(RuntimeFailure, match=f"operator {namespace.namespace}/everywhere scales in all namespaces"):
        install(kubectl, releases, image)

    others.uninstall(["everywhere"])


def owner(kubectl: Kubectl) -> str:
    """The namespace of the release that has the definition."""
    return str(
        kubectl.json("get", "crd", operator.DEFINITION)["metadata"]["annotations"]["meta.helm.sh/release-namespace"]
    )


def short_names(kubectl: Kubectl) -> list[str]:
    names: list[str] = kubectl.json("get", "crd", operator.DEFINITION)["spec"]["names"]["shortNames"]
    return names
