"""Releases, whatever an interrupted command or a person has done to them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import CommandFailed, InputError
from lab.runtimes.kubernetes.kubectl import Kubectl, run
from lab.runtimes.kubernetes.releases import OURS, Releases
from lab.runtimes.kubernetes.waiting import Waiting
from tests.polling import until

pytestmark = pytest.mark.long

TINY = Path(__file__).parent / "tiny"
READY_WITHIN_S = 60.0
PENDING_WITHIN_S = 20.0


@pytest.fixture
def steps() -> list[str]:
    return []


@pytest.fixture
def releases(namespace: Kubectl, steps: list[str]) -> Iterator[Releases]:
    """Of a namespace that has none before and after."""
    releases = Releases(namespace, steps.append)
    yield releases
    releases.uninstall(releases.names())


def wait(namespace: Kubectl, name: str) -> None:
    Waiting(namespace, lambda _: None).ready([f"deployment/{name}"], READY_WITHIN_S)


def replicas(namespace: Kubectl, name: str) -> int:
    return int(namespace.json("get", "deployment", name)["spec"]["replicas"])


def interrupt(namespace: Kubectl, name: str) -> None:
    """Leaves the release as Helm does that is killed at work."""
    where = [f"--kubeconfig={namespace.kubeconfig}", f"--kube-context={namespace.context}"]
    helm = ["helm", *where, f"--namespace={namespace.namespace}"]
    labels = "--labels=" + ",".join(f"{key}={value}" for key, value in OURS.items())
    with subprocess.Popen([*helm, "upgrade", "--install", name, str(TINY), "--set=slow=true", labels]) as process:
        until(lambda: json.loads(run([*helm, "list", "--pending", "--output=json"])), PENDING_WITHIN_S, "Helm at work")
        process.kill()


def test_what_would_not_change_is_left_alone(releases: Releases, namespace: Kubectl) -> None:
    assert releases.install("web", TINY, {"replicas": 1})
    wait(namespace, "web")

    assert not releases.install("web", TINY, {"replicas": 1})
    assert releases.install("web", TINY, {"replicas": 2})
    assert replicas(namespace, "web") == 2


def test_what_somebody_deleted_is_made_again(releases: Releases, namespace: Kubectl) -> None:
    releases.install("web", TINY, {})
    namespace.run("delete", "service", "web")

    assert releases.install("web", TINY, {})
    namespace.run("get", "service", "web")


def test_a_release_wins_over_what_somebody_scaled(releases: Releases, namespace: Kubectl) -> None:
    releases.install("web", TINY, {"replicas": 2})
    namespace.run("scale", "deployment/web", "--replicas=0")

    assert releases.install("web", TINY, {"replicas": 2})

    assert replicas(namespace, "web") == 2


def test_a_release_of_somebody_else_is_left_alone(releases: Releases, namespace: Kubectl) -> None:
    helm = ["helm", f"--kubeconfig={namespace.kubeconfig}", f"--kube-context={namespace.context}"]
    theirs = [*helm, f"--namespace={namespace.namespace}"]
    run([*theirs, "install", "web", str(TINY)])

    with pytest.raises(InputError, match="release web is not the lab's"):
        releases.install("web", TINY, {"replicas": 2})
    releases.uninstall(["web"])

    assert [release["name"] for release in json.loads(run([*theirs, "list", "--output=json"]))] == ["web"]
    run([*theirs, "uninstall", "web"])


def test_wrong_values_are_told_by_the_schema(releases: Releases) -> None:
    with pytest.raises(CommandFailed, match="replicas") as raised:
        releases.install("web", TINY, {"replicas": -1, "password": "secret"})

    assert "secret" not in str(raised.value)
    assert releases.names() == []


def test_an_interrupted_upgrade_is_rolled_back_and_made_again(
    releases: Releases, namespace: Kubectl, steps: list[str]
) -> None:
    releases.install("web", TINY, {"replicas": 1})
    interrupt(namespace, "web")

    assert releases.install("web", TINY, {"replicas": 2})

    assert steps == ["release web is pending-upgrade: rolling it back to revision 1"]
    assert replicas(namespace, "web") == 2


def test_an_interrupted_installation_is_removed_and_made_again(
    releases: Releases, namespace: Kubectl, steps: list[str]
) -> None:
    interrupt(namespace, "web")

    assert releases.install("web", TINY, {})

    assert steps == ["release web is pending-install: removing it"]
    wait(namespace, "web")


def test_an_installation_that_failed_is_removed_and_made_again(releases: Releases, steps: list[str]) -> None:
    with pytest.raises(CommandFailed, match="Required value"):
        releases.install("web", TINY, {"image": ""})

    assert releases.install("web", TINY, {})

    assert steps == ["release web is failed: removing it"]
