"""What keeps workloads from being ready, told from what a cluster recorded of them (`recorded/unready.json`)."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from lab.core import diagnosis
from lab.core.diagnosis import NEVER, Problem, State

RECORDED: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "recorded" / "unready.json").read_text())


def recorded(name: str) -> Any:
    """For a case to change."""
    return copy.deepcopy(RECORDED[name])


def state(case: Any) -> State:
    (state,) = diagnosis.states([case["workload"]], case["objects"], case["events"])
    return state


def problem(case: Any) -> Problem:
    return state(case).problems[0]


def of_kind(case: Any, kind: str) -> Any:
    return next(one for one in case["objects"] if one["kind"] == kind)


def container(case: Any) -> Any:
    return of_kind(case, "Pod")["status"]["containerStatuses"][0]


PROBLEMS = [
    # recorded        phase                         heals within   what is said
    ("crash", "0 of 2 ready", 0.0, "container main ended with exit code 2, after 4 restarts"),
    ("init-crash", "CrashLoopBackOff", 0.0, "container schema ended with exit code 3, after 4 restarts"),
    ("job-fails", "Error", 0.0, "container migrate ended with exit code 1"),
    ("job-retries", "Error", 0.0, "container migrate ended with exit code 1"),
    ("oom", "CrashLoopBackOff", 0.0, "was killed when it needed more than its memory limit, 16Mi, after 4 restarts"),
    ("liveness", "CrashLoopBackOff", 0.0, "exit code 0, after 5 restarts; Liveness probe failed: Get"),
    ("nocommand", "CrashLoopBackOff", 0.0, "/no/such/program: no such file or directory"),
    ("image", "ImagePullBackOff", 0.0, 'Failed to pull image "framework-lab/none:0123456789ab"'),
    ("image-never", "ErrImageNeverPull", 0.0, "is not present with pull policy of Never"),
    ("image-invalid", "InvalidImageName", 0.0, "must be lowercase"),
    ("secret", "CreateContainerConfigError", 10.0, 'secret "framework-lab" not found'),
    ("mount", "ContainerCreating", 20.0, 'configmap "framework-lab-model" not found'),
    ("cpu", "Pending", 20.0, "it asks for 2500m CPU and 256 MiB, and no node takes it: 0/1 nodes are available: 1 Ins"),
    ("probe", "running, not ready", NEVER, "Readiness probe failed: Get"),
    ("insecure", "no pod yet", 0.0, 'violates PodSecurity "baseline:latest": privileged'),
    ("job-insecure", "no pod yet", 0.0, 'violates PodSecurity "baseline:latest": privileged'),
    ("sts-insecure", "no pod yet", 0.0, 'violates PodSecurity "baseline:latest": privileged'),
]


@pytest.mark.parametrize(("name", "phase", "heals_within_s", "said"), PROBLEMS, ids=[case[0] for case in PROBLEMS])
def test_the_words_of_pods_and_events(name: str, phase: str, heals_within_s: float, said: str) -> None:
    found = state(RECORDED[name])

    assert (found.ready, found.text) == (False, phase)
    assert said in found.problems[0].text
    assert found.problems[0].heals_within_s == heals_within_s


@pytest.mark.parametrize("name", ["good", "job-done"])
def test_what_is_ready_has_no_problem(name: str) -> None:
    assert state(RECORDED[name]) == State(RECORDED[name]["workload"], True, "ready")


def test_what_was_not_made_is_not_there() -> None:
    assert diagnosis.states(["deployment/web"], []) == [State("deployment/web", False, "not there")]


def test_a_container_that_backs_off_says_most_in_its_last_log() -> None:
    log = problem(RECORDED["crash"]).log

    assert log
    assert (log.container, log.previous) == ("main", False)


def test_one_that_runs_again_said_it_in_the_log_before() -> None:
    case = recorded("oom")
    container(case).update(state={"running": {"startedAt": "2026-11-21T23:00:00Z"}})

    log = problem(case).log

    assert log
    assert log.previous


def crashed_once(case: Any) -> None:
    ended = container(case)["lastState"]["terminated"]
    container(case).update(state={"terminated": ended}, lastState={}, restartCount=0)


def crashed_again(case: Any) -> None:
    container(case).update(state={"terminated": container(case)["lastState"]["terminated"]}, restartCount=1)


def runs_again(case: Any) -> None:
    container(case).update(state={"running": {}})


def creates_again(case: Any) -> None:
    container(case).update(state={"waiting": {"reason": "ContainerCreating"}})


def network_fails(case: Any) -> None:
    for event in case["events"]:
        event["message"] = event["message"].replace("no such host", "i/o timeout")


def another_pod_ends(case: Any) -> None:
    old = copy.deepcopy(of_kind(case, "Pod"))
    old["metadata"].update(uid="old", deletionTimestamp="2026-11-21T23:00:00Z")
    case["objects"].append(old)


def node_starts(case: Any) -> None:
    message = (
        "0/1 nodes are available: 1 node(s) had untolerated taint(s) {node.kubernetes.io/not-ready: }. preemption: 0/1"
    )
    of_kind(case, "Pod")["status"]["conditions"] = [{"type": "PodScheduled", "status": "False", "message": message}]


def quota_is_used_up(case: Any) -> None:
    message = 'pods "web" is forbidden: exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4'
    of_kind(case, "ReplicaSet")["status"]["conditions"][0]["message"] = message


HEALING = [
    # case                                                  recorded  changed          heals within
    ("what ended once may do better", "crash", crashed_once, NEVER),
    ("what ended again is given time to back off", "crash", crashed_again, 5.0),
    ("what runs again may get ready", "crash", runs_again, NEVER),
    ("and so after a restart of its node", "crash", creates_again, NEVER),
    ("a registry that is slow may answer the next time", "image", network_fails, 25.0),
    ("a pod that ends makes room", "cpu", another_pod_ends, NEVER),
    ("a node that starts is waited for", "cpu", node_starts, 90.0),
    ("a quota has room when old pods are gone", "insecure", quota_is_used_up, 10.0),
]


@pytest.mark.parametrize(("name", "change", "heals_within_s"), [c[1:] for c in HEALING], ids=[c[0] for c in HEALING])
def test_what_heals_by_itself(name: str, change: Any, heals_within_s: float) -> None:
    case = recorded(name)
    change(case)

    assert problem(case).heals_within_s == heals_within_s


def test_evicted_pods_are_told_of_and_replaced() -> None:
    case = recorded("probe")
    of_kind(case, "Pod")["status"] = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}

    assert state(case).text == "Evicted"
    assert (problem(case).text, problem(case).heals_within_s) == ("Evicted: The node was low on memory.", NEVER)


def test_pods_that_an_update_replaces_don_t_count() -> None:
    case = recorded("crash")
    of_kind(case, "Deployment")["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "2"
    new = {"name": "new", "uid": "new", "annotations": {"deployment.kubernetes.io/revision": "2"}}
    owners = of_kind(case, "ReplicaSet")["metadata"]["ownerReferences"]
    case["objects"].append({"kind": "ReplicaSet", "metadata": {**new, "ownerReferences": owners}, "spec": {}})

    assert state(case).problems == ()


def test_an_update_that_nobody_has_seen_yet_is_not_ready() -> None:
    case = recorded("good")
    of_kind(case, "Deployment")["metadata"]["generation"] += 1

    assert (state(case).ready, state(case).text) == (False, "changing")


def test_a_deployment_is_ready_when_its_old_pods_are_gone() -> None:
    case = recorded("good")
    of_kind(case, "Deployment")["status"]["replicas"] += 1

    assert (state(case).ready, state(case).text) == (False, "old pods are ending")


def test_an_unscheduled_pod_says_what_to_do() -> None:
    assert problem(RECORDED["cpu"]).text.endswith(
        "1 Insufficient cpu. Run fewer replicas, or end what else has reserved it: kubectl describe nodes"
    )


def made(subject: str, heals_within_s: float) -> Problem:
    return Problem("deployment/web", subject, "Image", "", heals_within_s)


def test_a_problem_is_overdue_when_it_has_lasted() -> None:
    problems = [made("at once", 0.0), made("later", 10.0), made("never", NEVER)]

    overdue, since = diagnosis.overdue(problems, {}, now=100.0)
    assert [problem.subject for problem in overdue] == ["at once"]

    overdue, since = diagnosis.overdue(problems, since, now=110.0)
    assert [problem.subject for problem in overdue] == ["at once", "later"]


def test_a_problem_that_was_gone_in_between_starts_anew() -> None:
    _, since = diagnosis.overdue([made("later", 10.0)], {}, now=100.0)
    _, since = diagnosis.overdue([], since, now=105.0)

    assert diagnosis.overdue([made("later", 10.0)], since, now=110.0)[0] == []
