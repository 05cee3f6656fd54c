"""Once the operator is gone, nothing waits for it: its finalizer is taken off each resource, others' stay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import kopf
import pytest
import pytest_asyncio
from kmock import KubernetesEmulator, ResourceInfo, resource
from scaler.cluster import Cluster, ClusterError
from scaler.freeing import BASE, free
from scaler.resource import GROUP, KIND, PLURAL, VERSION

pytestmark = pytest.mark.asyncio

OURS = "autoscaling.frameworklab.dev/operator"
THEIRS = "example.com/theirs"
HTTPAUTOSCALERS = resource(f"{GROUP}/{VERSION}/{PLURAL}")
ONE = f"{BASE}/namespaces/shop/{PLURAL}/one"


@pytest_asyncio.fixture
async def cluster(kmock: KubernetesEmulator) -> AsyncIterator[Cluster]:
    found = Cluster(lambda: kopf.ConnectionInfo(server=str(kmock.url)), lambda method, status: None)
    yield found
    await found.close()


def made(kmock: KubernetesEmulator, namespace: str, name: str, finalizers: list[str]) -> None:
    metadata = {"namespace": namespace, "name": name, "resourceVersion": "1", "finalizers": finalizers}
    kmock.resources[HTTPAUTOSCALERS] = ResourceInfo(kind=KIND, namespaced=True)
    kmock.objects[HTTPAUTOSCALERS, namespace, name] = {"metadata": metadata}


def finalizers(kmock: KubernetesEmulator, namespace: str, name: str) -> Any:
    return kmock.objects[HTTPAUTOSCALERS, namespace, name]["metadata"]["finalizers"]


CASES: list[tuple[str, list[str], list[str]]] = [
    # case                 before          after
    ("ours alone", [OURS], []),
    ("ours among others", [THEIRS, OURS], [THEIRS]),
    ("others' alone", [THEIRS], [THEIRS]),
    ("none", [], []),
]


@pytest.mark.parametrize(("before", "after"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_ours_goes_and_others_stay(
    before: list[str], after: list[str], kmock: KubernetesEmulator, cluster: Cluster
) -> None:
    made(kmock, "shop", "one", before)

    held = await free(cluster, OURS, [])

    assert finalizers(kmock, "shop", "one") == after
    assert held == len(kmock["patch"]) == (before != after)


async def test_namespaces_that_are_not_named_are_left_alone(kmock: KubernetesEmulator, cluster: Cluster) -> None:
    for namespace in ("shop", "training", "elsewhere"):
        made(kmock, namespace, "one", [OURS])

    await free(cluster, OURS, ["shop", "training"])

    left = {name: finalizers(kmock, name, "one") for name in ("shop", "training", "elsewhere")}
    assert left == {"shop": [], "training": [], "elsewhere": [OURS]}


async def test_what_somebody_changed_meanwhile_is_read_again(kmock: KubernetesEmulator, cluster: Cluster) -> None:
    made(kmock, "shop", "one", [OURS])
    kmock["patch"][:1] << 409
    changed = {"namespace": "shop", "name": "one", "resourceVersion": "2", "finalizers": [THEIRS, OURS]}
    kmock[f"get {ONE}"] << {"metadata": changed}

    await free(cluster, OURS, [])

    *_, last = kmock["patch"]
    assert last.data["metadata"] == {"resourceVersion": "2", "finalizers": [THEIRS]}


# case, what the API answers, what is said
FAILURES = [
    ("always in conflict", "patch", 409, "others change it at the same time; try again"),
    ("not allowed to change", "patch", 403, "403"),
    ("not allowed to look", "get", 403, "403"),
]


@pytest.mark.parametrize(("verb", "status", "said"), [case[1:] for case in FAILURES], ids=[c[0] for c in FAILURES])
async def test_what_can_not_be_freed_is_told(
    verb: str, status: int, said: str, kmock: KubernetesEmulator, cluster: Cluster
) -> None:
    made(kmock, "shop", "one", [OURS])
    kmock[verb] << status
    kmock[f"get {ONE}"] << {
        "metadata": {"namespace": "shop", "name": "one", "resourceVersion": "1", "finalizers": [OURS]}
    }

    with pytest.raises(ClusterError, match=said):
        await free(cluster, OURS, [])


async def test_without_the_definition_there_is_nothing_to_free(kmock: KubernetesEmulator, cluster: Cluster) -> None:
    assert await free(cluster, OURS, []) == 0
