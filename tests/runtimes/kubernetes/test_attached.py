"""A Job that the lab talks with: what is applied, when it is attached to, what is told when it fails, what is left."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

from lab.errors import RuntimeFailure
from lab.runtimes.kubernetes import attached
from lab.runtimes.kubernetes.attached import AttachedJob, Work
from tests.helm import charts
from tests.runtimes.kubernetes.direct import RUNNING, DirectKubectl, job, pod, running

READY = "import sys\nfor line in sys.stdin: print('{\"ready\": true}', flush=True)"
ENDS = "import sys; sys.stdin.readline(); print('{\"ready\": true}', flush=True); sys.exit('cut off')"
ONE = Work("load-1", "load", "an/image:1", ("python", "-m", "it"), "64Mi")
THREE = Work("load-1", "load", "an/image:1", ("python", "-m", "it"), "64Mi", pods=3)
NAMED = Work("load-1", "load", "an/image:1", ("python", "-m", "it"), "64Mi", hostname="it")
DELETE = ("delete", "job/load-1", "--ignore-not-found", "--cascade=foreground", "--timeout=30s")


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attached, "POLL_S", 0.01)
    monkeypatch.setattr(attached, "ENDED_WITHIN_S", 0.1)


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


@pytest.mark.parametrize("work", [ONE, THREE, NAMED], ids=["one", "three", "named"])
def test_it_keeps_the_restricted_standard(work: Work) -> None:
    assert charts.unrestricted([work.manifest()]) == []


@charts.needs_kubeconform
@pytest.mark.parametrize("work", [ONE, THREE, NAMED], ids=["one", "three", "named"])
def test_kubernetes_takes_it(work: Work) -> None:
    charts.conform(json.dumps(work.manifest()))


def test_no_job_outlives_its_lab() -> None:
    """Its input ends with the lab, which it reads from one attachment only; time limits are for what that misses."""
    spec = THREE.manifest()["spec"]
    container = spec["template"]["spec"]["containers"][0]

    assert (container["stdin"], container["stdinOnce"]) == (True, True)
    assert (spec["backoffLimit"], spec["template"]["spec"]["restartPolicy"]) == (0, "Never")
    assert spec["activeDeadlineSeconds"] > 0
    assert spec["ttlSecondsAfterFinished"] > 0


def test_each_pod_of_several_has_a_number() -> None:
    spec = THREE.manifest()["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 3)


def test_a_name_of_its_own_excludes_a_number() -> None:
    """An indexed Job gives its pods names of its own."""
    spec = NAMED.manifest()["spec"]
    assert (spec["completionMode"], spec["template"]["spec"]["hostname"]) == ("NonIndexed", "it")


def test_pods_are_attached_to_in_their_order_and_the_job_is_removed() -> None:
    kubectl = DirectKubectl(python(READY), running("load-1", 3))

    with AttachedJob(kubectl, THREE) as lines:
        assert [one["metadata"]["name"] for one in kubectl.applied] == ["load-1"]
        assert kubectl.attached == ["pod-0", "pod-1", "pod-2"]
        assert len(lines) == 3
        assert DELETE not in kubectl.runs

    assert kubectl.runs == [DELETE]


def interrupted(kubectl: DirectKubectl) -> None:
    with AttachedJob(kubectl, ONE):
        raise KeyboardInterrupt


def test_the_job_is_removed_after_an_interruption() -> None:
    kubectl = DirectKubectl(python(READY), running("load-1"))
    with pytest.raises(KeyboardInterrupt):
        interrupted(kubectl)
    assert kubectl.runs == [DELETE]


WAITING = {"waiting": {"reason": "ErrImageNeverPull", "message": "it is not here"}}
ENDED = {"terminated": {"exitCode": 3}}
FAILED = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"}]
FORBIDDEN = {
    "reason": "FailedCreate",
    "message": 'pods "load-1-0" is forbidden: violates PodSecurity "restricted:latest"',
    "involvedObject": {"uid": "job-uid"},
}

NEVER_RUNS = [
    # case                    objects                                                     events  what is told
    (
        "no image",
        [job("load-1"), pod("pod-0", 0, WAITING, "Pending")],
        [],
        "pod pod-0: container worker: it is not here",
    ),
    ("no pod may be made", [job("load-1")], [FORBIDDEN], f"job load-1: {FORBIDDEN['message']}"),
    (
        "it ends at once",
        [job("load-1"), pod("pod-0", 0, ENDED, "Failed")],
        [],
        "container worker ended with exit code 3",
    ),
]


@pytest.mark.parametrize(("objects", "events", "told"), [c[1:] for c in NEVER_RUNS], ids=[c[0] for c in NEVER_RUNS])
def test_why_it_never_runs(
    objects: list[dict[str, object]], events: list[dict[str, object]], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached, "START_MAX_S", 0.1)
    kubectl = DirectKubectl(python(READY), objects, events)
    with pytest.raises(RuntimeFailure) as failed, AttachedJob(kubectl, ONE):
        """Is not reached."""
    assert told in str(failed.value)
    assert kubectl.runs[-1] == DELETE


def after_the_first_answer(change: Callable[[DirectKubectl], None]) -> str:
    """What is told of a connection that ended once the lab talked with the pod."""
    kubectl = DirectKubectl(python(ENDS), running("load-1"))
    with AttachedJob(kubectl, ONE) as [lines]:
        change(kubectl)
        with pytest.raises(RuntimeFailure) as failed:
            lines.read()
    return str(failed.value)


def killed(kubectl: DirectKubectl) -> None:
    kubectl.objects = [job("load-1"), pod("pod-0", 0, {"terminated": {"exitCode": 137}}, "Failed")]
    kubectl.log = '{"progress": {}}\nTraceback\nMemoryError\n{"progress": {}}\n'


def removed(kubectl: DirectKubectl) -> None:
    kubectl.objects = [job("load-1", FAILED)]


def unchanged(kubectl: DirectKubectl) -> None:
    kubectl.objects = [job("load-1"), pod("pod-0", 0, RUNNING)]


CONNECTION_ENDS = [
    # case              what became of it       what is told after the first line
    (
        "the pod was killed",
        killed,
        "load-1: pod pod-0: container worker ended with exit code 137 (SIGKILL)\n  Traceback\n  MemoryError",
    ),
    ("the pod was removed", removed, "load-1: job load-1: BackoffLimitExceeded: too often"),
    ("only the connection", unchanged, "exit code 1 from kubectl attach\ncut off"),
]


@pytest.mark.parametrize(("change", "told"), [c[1:] for c in CONNECTION_ENDS], ids=[c[0] for c in CONNECTION_ENDS])
def test_why_a_connection_ended(change: Callable[[DirectKubectl], None], told: str) -> None:
    assert after_the_first_answer(change) == f"the connection to pod pod-0 ended\n{told}"
