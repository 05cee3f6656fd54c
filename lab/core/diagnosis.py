"""What keeps workloads from being ready, in the words of their pods and events. Pure.

Objects and events are as `kubectl get --output=json` has them. A workload is named as kubectl does: `deployment/web`.
"""

from __future__ import annotations

import math
import re
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lab.core.objects import Object, condition_of, is_ending, name_of

NEVER = math.inf
CONFIGURED_WITHIN_S = 10.0  # a Secret or ConfigMap that is made a moment later
MOUNTED_WITHIN_S = 20.0  # kubelet tries again after 0.5, 1, 2, 4, ... s
SCHEDULED_WITHIN_S = 20.0
NODE_READY_WITHIN_S = 90.0  # of a cluster that was made a moment ago
CREATED_WITHIN_S = 10.0  # a quota, until pods that end have ended

PULLED_WITHIN_S = 25.0  # kubelet tries again after 10 s
RESTARTED_WITHIN_S = 5.0  # what ended again, by a restart of its node too, until it is started or backs off

PULLS = {"ErrImagePull", "ImagePullBackOff"}
IMAGES = PULLS | {"ErrImageNeverPull", "InvalidImageName"}
CONFIGURATIONS = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
SETTING_UP = {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"}
NO_SUCH_IMAGE = re.compile(r"not found|denied|unauthorized|no such host", re.IGNORECASE)

_SUFFIXES = {"m": 1e-3, "k": 1e3, "Ki": 2**10, "M": 1e6, "Mi": 2**20, "G": 1e9, "Gi": 2**30}


@dataclass(frozen=True, slots=True)
class Log:
    """Where to read what a container wrote; `previous` is the one before the one that runs."""

    pod: str
    container: str
    previous: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """`heals_within_s`: how long it may last until nobody should wait any longer; 0 is at once."""

    workload: str
    subject: str
    reason: str
    text: str
    heals_within_s: float
    log: Log | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.workload, self.subject, self.reason)


@dataclass(frozen=True, slots=True)
class State:
    """`text` says how far a workload is that is not ready."""

    workload: str
    ready: bool
    text: str
    problems: tuple[Problem, ...] = ()


def states(workloads: Sequence[str], objects: Sequence[Object], events: Sequence[Object] = ()) -> list[State]:
    """How each workload is. `objects` are the namespace's deployments, statefulsets, jobs, replicasets and pods."""
    by_name = {f"{one['kind'].lower()}/{one['metadata']['name']}": one for one in objects}
    cluster = _Seen(objects, events)
    return [
        cluster.state(name, by_name[name]) if name in by_name else State(name, False, "not there") for name in workloads
    ]


def overdue(
    problems: Iterable[Problem], since: Mapping[tuple[str, str, str], float], now: float
) -> tuple[list[Problem], dict[tuple[str, str, str], float]]:
    """Problems that nobody should wait for any longer; and since when each has lasted, to hand in next time."""
    problems = list(problems)
    lasting = {problem.key: since.get(problem.key, now) for problem in problems}
    return [problem for problem in problems if now - lasting[problem.key] >= problem.heals_within_s], lasting


class _Seen:
    """The objects of one moment, by their owners."""

    def __init__(self, objects: Sequence[Object], events: Sequence[Object]) -> None:
        self._owned: dict[str, list[Object]] = {}
        for one in objects:
            for owner in one["metadata"].get("ownerReferences", ()):
                self._owned.setdefault(owner["uid"], []).append(one)
        self._events: dict[str, list[Object]] = {}
        for event in sorted(events, key=_time):
            self._events.setdefault(event["involvedObject"].get("uid", ""), []).append(event)
        self._room_is_made = any(is_ending(one) for one in objects if one["kind"] == "Pod")

    def state(self, name: str, workload: Object) -> State:
        if workload.get("status", {}).get("observedGeneration", math.inf) < workload["metadata"].get("generation", 0):
            return State(name, False, "changing")
        if _is_ready(workload):
            return State(name, True, "ready")
        owner = self._maker_of_pods(workload)
        pods = [pod for pod in self._owned.get(owner["metadata"]["uid"], ()) if not is_ending(pod)]
        problems = [problem for pod in pods for problem in self._of_pod(name, workload, pod)]
        problems = problems or list(self._of_maker(name, workload, owner, pods))
        return State(name, False, _progress(workload, pods), tuple(problems))

    def _maker_of_pods(self, workload: Object) -> Object:
        """Of a Deployment its newest ReplicaSet: what an older one still runs is about to go."""
        if workload["kind"] != "Deployment":
            return workload
        sets = self._owned.get(workload["metadata"]["uid"], ())
        return next((one for one in sets if _revision(one) == _revision(workload)), workload)

    def _of_maker(self, name: str, workload: Object, maker: Object, pods: Sequence[Object]) -> Iterator[Problem]:
        subject = f"{maker['kind'].lower()} {maker['metadata']['name']}"
        if failed := condition_of(workload, "Failed"):
            yield Problem(name, subject, "Failed", f"{failed['reason']}: {failed.get('message', '')}", 0.0)
        if message := self._not_created(workload, maker, pods):
            in_vain = "violates PodSecurity" in message
            yield Problem(name, subject, "FailedCreate", message, 0.0 if in_vain else CREATED_WITHIN_S)

    def _not_created(self, workload: Object, maker: Object, pods: Sequence[Object]) -> str:
        """Why pods can't be made; only ReplicaSets have a condition that says so, and ends."""
        if maker["kind"] == "ReplicaSet":
            return str((condition_of(maker, "ReplicaFailure") or {}).get("message", ""))
        missing = len(pods) < _wanted(workload)
        return self._last_message(workload, {"FailedCreate"}) if missing else ""

    def _of_pod(self, name: str, workload: Object, pod: Object) -> Iterator[Problem]:
        status = pod["status"]
        subject = f"pod {name_of(pod)}"
        if status.get("phase") == "Failed" and "reason" in status:
            text = f"{status['reason']}: {status.get('message', '')}"
            yield Problem(name, subject, status["reason"], text, NEVER)
            return
        unscheduled = condition_of(pod, "PodScheduled", "False")
        if unscheduled:
            yield self._unscheduled(name, subject, pod, unscheduled)
        for container in _statuses(pod):
            yield from self._of_container(name, subject, workload, pod, container)
        if status.get("phase") == "Pending" and (message := self._last_message(pod, SETTING_UP)):
            yield Problem(name, subject, "SettingUp", message, MOUNTED_WITHIN_S)

    def _unscheduled(self, name: str, subject: str, pod: Object, condition: Object) -> Problem:
        message = condition.get("message", condition.get("reason", "")).partition(". ")[0].removesuffix(".")
        within_s = NEVER if self._room_is_made else SCHEDULED_WITHIN_S
        if "node.kubernetes.io/not-ready" in message:
            within_s = NODE_READY_WITHIN_S
        text = f"it asks for {_asked(pod)}, and no node takes it: {message}"
        if "Insufficient" in message:
            text += ". Run fewer replicas, or end what else has reserved it: kubectl describe nodes"
        return Problem(name, subject, "Unschedulable", text, within_s)

    def _of_container(
        self, name: str, subject: str, workload: Object, pod: Object, container: Object
    ) -> Iterator[Problem]:
        state = container.get("state", {})
        waiting = state.get("waiting", {}).get("reason")
        which = f"container {container['name']}"
        ended = state.get("terminated") or container.get("lastState", {}).get("terminated")
        if ended and _failed(ended, pod) and not container.get("ready"):
            within_s = _started_within_s(workload, container)
            log = Log(name_of(pod), container["name"], previous="running" in state)
            yield Problem(name, subject, "Ended", f"{which} {self._end(pod, container, ended)}", within_s, log)
        elif waiting in IMAGES:
            message = self._last_message(pod, {"Failed"}, "Failed to pull") or state["waiting"].get("message", "")
            in_vain = waiting not in PULLS or NO_SUCH_IMAGE.search(message)
            yield Problem(name, subject, "Image", f"{which}: {message}", 0.0 if in_vain else PULLED_WITHIN_S)
        elif waiting in CONFIGURATIONS:
            text = f"{which}: {waiting}: {state['waiting'].get('message', '')}"
            yield Problem(name, subject, "Configuration", text, CONFIGURED_WITHIN_S)
        elif "running" in state and (message := self._last_message(pod, {"Unhealthy"})):
            log = Log(name_of(pod), container["name"], previous=False)
            yield Problem(name, subject, "Unhealthy", f"{which}: {message}", NEVER, log)

    def _end(self, pod: Object, container: Object, ended: Object) -> str:
        if ended.get("reason") == "OOMKilled":
            how = f"was killed when it needed more than its memory limit, {_limit(pod, container['name'])}"
        else:
            how = f"ended with exit code {_exit_code(ended['exitCode'])}"
        if container.get("restartCount"):
            how += f", after {container['restartCount']} restarts" if container["restartCount"] > 1 else ", twice"
        probe = self._last_message(pod, {"Unhealthy"}, "Liveness", "Startup")
        said = ended.get("message", "").strip()
        return "; ".join(part for part in (how, probe, said) if part)

    def _last_message(self, one: Object, reasons: set[str], *beginnings: str) -> str:
        """What the last event of one of `reasons` says; where given, of those that begin so."""
        messages = [
            event.get("message", "")
            for event in self._events.get(one["metadata"]["uid"], ())
            if event.get("reason") in reasons and event.get("message", "").startswith(beginnings or "")
        ]
        return messages[-1].strip() if messages else ""


def _is_ready(workload: Object) -> bool:
    status = workload.get("status", {})
    if workload["kind"] == "Job":
        return condition_of(workload, "Complete") is not None
    wanted = _wanted(workload)
    return all(status.get(count, 0) == wanted for count in ("replicas", "updatedReplicas", "readyReplicas"))


def _wanted(workload: Object) -> int:
    spec = workload["spec"]
    return int(spec.get("completions", 1) if workload["kind"] == "Job" else spec.get("replicas", 1))


def _progress(workload: Object, pods: Sequence[Object]) -> str:
    status = workload.get("status", {})
    wanted = _wanted(workload)
    done = status.get("succeeded" if workload["kind"] == "Job" else "readyReplicas", 0)
    if wanted > 1 and done < wanted:
        return f"{done} of {wanted} {'complete' if workload['kind'] == 'Job' else 'ready'}"
    unready = [text for pod in pods if (text := _phase(pod)) != "ready"]
    if unready:
        return unready[0]
    return "old pods are ending" if pods else "no pod yet"


def _phase(pod: Object) -> str:
    """Like the column STATUS of `kubectl get pods`."""
    if condition_of(pod, "Ready"):
        return "ready"
    for container in _statuses(pod):
        state = container.get("state", {})
        reason = state.get("waiting", {}).get("reason") or state.get("terminated", {}).get("reason")
        if reason and reason != "Completed":
            return str(reason)
    if any("running" in container.get("state", {}) for container in pod["status"].get("initContainerStatuses", ())):
        return "initialising"
    phase = str(pod["status"].get("reason") or pod["status"].get("phase", "Pending"))
    return "running, not ready" if phase == "Running" else phase


def _failed(ended: Object, pod: Object) -> bool:
    """A container of a pod that always restarts should not end at all; others should end with 0."""
    return bool(ended["exitCode"]) or pod["spec"].get("restartPolicy", "Always") == "Always"


def _started_within_s(workload: Object, container: Object) -> float:
    """Of a container that has failed. What failed once may do better; Jobs count their pods that have failed."""
    status = workload.get("status", {})
    if condition_of(workload, "Failed") or status.get("failed", 0) > 1:
        return 0.0
    waiting = container["state"].get("waiting", {}).get("reason")
    if waiting == "CrashLoopBackOff":
        return 0.0
    again = container.get("restartCount", 0) > 0 and ("terminated" in container["state"] or waiting in CONFIGURATIONS)
    return RESTARTED_WITHIN_S if again else NEVER


def _exit_code(code: int) -> str:
    by_signal = {128 + number: f"{128 + number} ({number.name})" for number in signal.Signals}
    return by_signal.get(code, str(code))


def _asked(pod: Object) -> str:
    """The larger of what its containers reserve together and what one that runs before them does."""
    parts = []
    for resource, unit, name in (("cpu", 1e-3, "m CPU"), ("memory", 2**20, " MiB")):
        together = sum(_request(container, resource) for container in pod["spec"]["containers"])
        before = [_request(container, resource) for container in pod["spec"].get("initContainers", ())]
        parts.append(f"{max([together, *before]) / unit:.0f}{name}")
    return " and ".join(parts)


def _request(container: Object, resource: str) -> float:
    return _quantity(container.get("resources", {}).get("requests", {}).get(resource, "0"))


def _quantity(text: str) -> float:
    match = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", text)
    return float(match[1]) * _SUFFIXES.get(match[2], 1) if match else 0.0


def _limit(pod: Object, container: str) -> str:
    found = next(
        one for one in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())) if one["name"] == container
    )
    return str(found.get("resources", {}).get("limits", {}).get("memory", "which it has none"))


def _statuses(pod: Object) -> list[Object]:
    """Of those that run before the others first. A container that did its part before them is left out."""
    before = pod["status"].get("initContainerStatuses", [])
    unfinished = [one for one in before if one.get("state", {}).get("terminated", {}).get("exitCode") != 0]
    return [*unfinished, *pod["status"].get("containerStatuses", [])]


def _revision(one: Object) -> str:
    return str(one["metadata"].get("annotations", {}).get("deployment.kubernetes.io/revision", ""))


def _time(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")
