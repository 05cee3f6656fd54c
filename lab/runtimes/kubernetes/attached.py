"""A Job of the lab's own image whose pods the lab talks with, over their standard streams, by `kubectl attach`.

Nothing has to be reachable in the cluster but its API server, and the pods end when the lab is lost: their input ends.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from lab.core import diagnosis
from lab.core.diagnosis import Problem
from lab.core.objects import Object
from lab.errors import LAST_LINES, CommandFailed, RuntimeFailure
from lab.runtimes.kubernetes.kubectl import FIELD_MANAGER, MANAGED_BY, Kubectl
from lab.runtimes.kubernetes.values import METRICS_PORT
from lab.workers.lines import Lines

CONTAINER = "worker"
INDEX = "batch.kubernetes.io/job-completion-index"
INSTANCE = "app.kubernetes.io/instance"
USER = 10001
START_MAX_S = 120.0
POLL_S = 0.3
DELETED_WITHIN_S = 30
ENDED_WITHIN_S = 5.0  # how long after a container ended its pod may say so
# Should the lab be lost with its connection still open: longer than any run.
ACTIVE_MAX_S = 6 * 3600
KEPT_S = 30  # once it is over, where the lab can't remove it
LOG_LINES = 500  # of which those that are answers to the lab are left out


@dataclass(frozen=True, slots=True)
class Work:
    """What the Job is made of. Of several `pods`, each has a number; one may have a `hostname` instead.

    `metrics`: it answers Prometheus at METRICS_PORT.
    """

    name: str
    component: str
    image: str
    argv: tuple[str, ...]
    memory: str
    pods: int = 1
    hostname: str = ""
    metrics: bool = False

    def manifest(self) -> dict[str, Any]:
        """Fit for the restricted Pod Security Standard. It may use what CPU is idle, and has next to none reserved."""
        labels = {
            "app.kubernetes.io/name": self.component,
            INSTANCE: self.name,
            "app.kubernetes.io/component": self.component,
            "app.kubernetes.io/part-of": FIELD_MANAGER,
            MANAGED_BY: FIELD_MANAGER,
        }
        container = {
            "name": CONTAINER,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": list(self.argv),
            "stdin": True,
            "stdinOnce": True,
            "ports": [{"name": "metrics", "containerPort": METRICS_PORT}] if self.metrics else [],
            "resources": {"requests": {"cpu": "5m", "memory": self.memory}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            },
            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108  in the container
        }
        pod: dict[str, Any] = {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "kubernetes.io/hostname",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": {INSTANCE: self.name}},
                }
            ],
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        }
        if self.hostname:
            pod["hostname"] = self.hostname
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": self.name, "labels": labels},
            "spec": {
                "completionMode": "NonIndexed" if self.hostname else "Indexed",  # a number makes a hostname of its own
                "completions": self.pods,
                "parallelism": self.pods,
                "backoffLimit": 0,
                "activeDeadlineSeconds": ACTIVE_MAX_S,
                "ttlSecondsAfterFinished": KEPT_S,
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }


class AttachedJob:
    """Lines to each of its pods, in their order, for a `with` block, which leaves nothing of the Job."""

    def __init__(self, kubectl: Kubectl, work: Work) -> None:
        self._kubectl = kubectl
        self._work = work
        self._lines: list[Lines] = []

    def __enter__(self) -> Sequence[Lines]:
        try:
            self._kubectl.apply(self._work.manifest())
            for pod in self._running():
                argv = self._kubectl.argv("attach", "--stdin", "--quiet", f"--container={CONTAINER}", pod)
                self._lines.append(Lines(argv, self._failure_of(pod)))
            for lines in self._lines:
                lines.greet()
        except BaseException:
            with contextlib.suppress(RuntimeFailure):  # what went wrong first matters
                self._remove(force=True)
            raise
        return self._lines

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with contextlib.suppress(*[RuntimeFailure] if error else []):
            self._remove(force=error is not None)

    def _remove(self, *, force: bool) -> None:
        for lines in self._lines:
            if force:
                lines.kill()
            else:
                lines.end()
        self._kubectl.run(
            "delete",
            f"job/{self._work.name}",
            "--ignore-not-found",
            "--cascade=foreground",
            f"--timeout={DELETED_WITHIN_S}s",
        )

    def _running(self) -> list[str]:
        """Their pods' names, in their order, once all run. Raises RuntimeFailure as soon as waiting is in vain."""
        give_up = time.monotonic() + START_MAX_S
        since: dict[tuple[str, str, str], float] = {}
        while True:
            objects = self._objects()
            pods = [one for one in objects if one["kind"] == "Pod" and one["status"].get("phase") == "Running"]
            if len(pods) == self._work.pods:
                return [pod["metadata"]["name"] for pod in sorted(pods, key=_number)]
            state = self._state(objects)
            in_vain, since = diagnosis.overdue(state.problems, since, time.monotonic())
            if in_vain:
                raise RuntimeFailure(self._told(in_vain))
            if time.monotonic() > give_up:
                raise RuntimeFailure(
                    f"{self._work.name} does not run after {START_MAX_S:.0f} s: {state.text}\n"
                    f"{self._told(state.problems)}".rstrip()
                )
            time.sleep(POLL_S)

    def _objects(self) -> list[Object]:
        return list(self._kubectl.items("get", "jobs,pods", f"--selector={INSTANCE}={self._work.name}"))

    def _state(self, objects: Sequence[Object]) -> diagnosis.State:
        events = self._kubectl.items("get", "events", "--field-selector=type=Warning")
        return diagnosis.states([f"job/{self._work.name}"], objects, events)[0]

    def _failure_of(self, pod: str) -> Callable[[int, str], RuntimeFailure]:
        """What is told when the connection to a pod ended unasked: the pod's own words, else kubectl's."""

        def failure(exit_code: int, stderr: str) -> RuntimeFailure:
            give_up = time.monotonic() + ENDED_WITHIN_S
            while not (problems := self._state(self._objects()).problems) and time.monotonic() < give_up:
                time.sleep(POLL_S)
            words = (
                self._told(problems) if problems else f"exit code {exit_code} from kubectl attach\n{stderr}".rstrip()
            )
            return RuntimeFailure(f"the connection to pod {pod} ended\n{words}")

        return failure

    def _told(self, problems: Sequence[Problem]) -> str:
        """With the last that each container wrote, but for its answers to the lab."""
        told = []
        for problem in problems:
            told.append(f"{self._work.name}: {problem.subject}: {problem.text}")
            if problem.log:
                told += [f"  {line}" for line in self._last_lines(problem.log.pod)]
        return "\n".join(told)

    def _last_lines(self, pod: str) -> list[str]:
        try:
            text = self._kubectl.run("logs", pod, f"--container={CONTAINER}", f"--tail={LOG_LINES}")
        except CommandFailed as failed:
            return str(failed).splitlines()
        return [line for line in text.splitlines() if not line.startswith('{"')][-LAST_LINES:]


def _number(pod: Object) -> int:
    return int(pod["metadata"].get("annotations", {}).get(INDEX, 0))
