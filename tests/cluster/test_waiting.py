"""What becomes ready is named while it is waited for; what never will is told within seconds, in its own words."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lab.core import diagnosis
from lab.errors import RuntimeFailure
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.runtimes.kubernetes.waiting import Waiting

pytestmark = pytest.mark.long

PAUSE = "registry.k8s.io/pause:3.10.1"
SHELL = "valkey/valkey:8.1"  # of the platform, so that the cluster has it
READY_WITHIN_S = 60.0
TOLD_WITHIN_S = 30.0  # seconds, on a machine that is busy
SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
PROBE = {"httpGet": {"path": "/readyz", "port": 8001}, "periodSeconds": 1}
MISSES_A_SETTING = ("sh", "-c", "echo DATABASE_URL: missing >&2; exit 2")


def pod(image: str, *command: str, **more: Any) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": image,
        "securityContext": SECURITY,
        "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}},
        **({"command": command} if command else {}),
        **more,
    }
    return {"containers": [container], "terminationGracePeriodSeconds": 1}


def deployment(pod: Mapping[str, Any], replicas: int = 1) -> dict[str, Any]:
    labels = {"app.kubernetes.io/instance": "web"}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def job(pod: Mapping[str, Any], backoff_limit: int = 6) -> dict[str, Any]:
    spec = {"backoffLimit": backoff_limit, "template": {"spec": {**pod, "restartPolicy": "Never"}}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "web"}, "spec": spec}


@pytest.fixture
def steps() -> list[str]:
    return []


@pytest.fixture
def waiting(namespace: Kubectl, steps: list[str]) -> Iterator[Waiting]:
    yield Waiting(namespace, steps.append)
    namespace.run("delete", "deployment,job", "web", "--ignore-not-found", "--cascade=foreground")


def test_what_is_waited_for_is_named(namespace: Kubectl, waiting: Waiting, steps: list[str]) -> None:
    namespace.apply(deployment(pod(PAUSE), replicas=2))

    waiting.ready(["deployment/web"], READY_WITHIN_S)

    assert steps[0].startswith("waiting for web: ")
    assert namespace.json("get", "deployment", "web")["status"]["readyReplicas"] == 2


def test_a_job_is_ready_when_it_is_complete(namespace: Kubectl, waiting: Waiting) -> None:
    namespace.apply(job(pod(SHELL, "true")))

    waiting.ready(["job/web"], READY_WITHIN_S)

    assert namespace.json("get", "job", "web")["status"]["succeeded"] == 1


def test_what_is_ready_is_not_waited_for(namespace: Kubectl, waiting: Waiting, steps: list[str]) -> None:
    namespace.apply(deployment(pod(PAUSE), replicas=0))

    waiting.ready(["deployment/web"], READY_WITHIN_S)

    assert all("of 0" not in step for step in steps)


IN_VAIN: list[tuple[str, Mapping[str, Any], list[str]]] = [
    (
        "a crash",
        deployment(pod(SHELL, *MISSES_A_SETTING, readinessProbe=PROBE), replicas=2),
        ["web: pod web-", "container main ended with exit code 2, twice", "  DATABASE_URL: missing"],
    ),
    (
        "a migration that fails",
        job(pod(SHELL, *MISSES_A_SETTING), backoff_limit=0),
        ["container main ended with exit code 2", "  DATABASE_URL: missing"],
    ),
    ("an image that is not there", deployment(pod("registry.invalid/none:1")), ["Failed to pull image", "none:1"]),
    ("a pod that is not allowed", deployment(pod(PAUSE, securityContext={})), ['violates PodSecurity "restricted']),
    (
        "a pod that fits nowhere",
        deployment(pod(PAUSE, resources={"requests": {"cpu": "1000"}})),
        ["it asks for 1000000m CPU and 0 MiB, and no node takes it", "Insufficient cpu"],
    ),
    (
        "a Secret that is not there",
        deployment(pod(PAUSE, envFrom=[{"secretRef": {"name": "none"}}])),
        ['CreateContainerConfigError: secret "none" not found'],
    ),
]


@pytest.mark.parametrize(("workload", "said"), [case[1:] for case in IN_VAIN], ids=[case[0] for case in IN_VAIN])
def test_what_is_waited_for_in_vain(
    namespace: Kubectl,
    waiting: Waiting,
    workload: Mapping[str, Any],
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(diagnosis, "SCHEDULED_WITHIN_S", 2.0)
    namespace.apply(workload)
    begun = time.monotonic()

    with pytest.raises(RuntimeFailure) as raised:
        waiting.ready([f"{workload['kind'].lower()}/web"], READY_WITHIN_S)

    assert time.monotonic() - begun < TOLD_WITHIN_S
    assert [text for text in said if text not in str(raised.value)] == [], str(raised.value)


def test_what_does_not_become_ready_in_time_says_what_it_waits_for(namespace: Kubectl, waiting: Waiting) -> None:
    namespace.apply(deployment(pod(PAUSE, readinessProbe=PROBE)))

    with pytest.raises(RuntimeFailure, match="not ready within 8 s: web: running, not ready") as raised:
        waiting.ready(["deployment/web"], 8.0)

    assert "Readiness probe failed" in str(raised.value)


def test_what_nobody_made_is_said_to_be_not_there(waiting: Waiting) -> None:
    with pytest.raises(RuntimeFailure, match="not ready within 1 s: none: not there"):
        waiting.ready(["deployment/none"], 1.0)
