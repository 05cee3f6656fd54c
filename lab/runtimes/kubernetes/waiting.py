"""Waits until workloads are ready, tells what it waits for, and says why as soon as waiting is in vain."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

from lab.core import diagnosis
from lab.core.diagnosis import Log, Problem, State
from lab.core.objects import Object, condition_of
from lab.errors import CommandFailed, NotReady, RuntimeFailure
from lab.runtimes.kubernetes.kubectl import Kubectl

INTERVAL_S = 0.5
UNANSWERED_MAX = 5  # of an API server that is busy, one after the other
LOG_LINES = 15
OBJECTS = "deployments,statefulsets,jobs,replicasets,pods"


class Waiting:
    """For workloads of one namespace; `on_step` is told whenever what is waited for changes."""

    def __init__(
        self, kubectl: Kubectl, on_step: Callable[[str], None], is_over: Callable[[], bool] = lambda: False
    ) -> None:
        """`is_over`: nobody waits any more."""
        self._kubectl = kubectl
        self._on_step = on_step
        self._is_over = is_over

    def ready(self, workloads: Sequence[str], within_s: float) -> None:
        """Until every one, named as `deployment/web`, `statefulset/...` or `job/...`, is ready, or complete.

        A pod without a readiness probe is ready while it runs, as everywhere in Kubernetes. Raises NotReady,
        with events and last log lines, when one can't be, or is not `within_s`.
        """
        deadline = time.monotonic() + within_s
        since: dict[tuple[str, str, str], float] = {}
        told = ""
        while unready := self._unready(workloads):
            if self._is_over():
                raise RuntimeFailure(f"interrupted while waiting for {', '.join(map(_short, workloads))}")
            problems = [problem for state in unready for problem in state.problems]
            now = time.monotonic()
            in_vain, since = diagnosis.overdue(problems, since, now)
            if in_vain:
                raise NotReady(self._report(in_vain), [problem.workload for problem in in_vain])
            waited_for = "; ".join(f"{_short(state.workload)}: {state.text}" for state in unready)
            if now > deadline:
                text = f"not ready within {within_s:g} s: {waited_for}\n{self._report(problems)}".rstrip()
                raise NotReady(text, [state.workload for state in unready])
            if waited_for != told:
                self._on_step(f"waiting for {waited_for}")
                told = waited_for
            time.sleep(INTERVAL_S)

    def holds(self, resource: str, condition: str, within_s: float) -> None:
        """Until that condition of `resource`, a `kind/name`, is true. Raises RuntimeFailure with what it says."""
        deadline = time.monotonic() + within_s
        while not condition_of(found := self._kubectl.json("get", resource), condition):
            if self._is_over():
                raise RuntimeFailure(f"interrupted while waiting for {_short(resource)}")
            if time.monotonic() > deadline:
                says = (condition_of(found, condition, "False") or {}).get("message", "it says nothing")
                raise RuntimeFailure(f"{resource} is not {condition} after {within_s:g} s: {says}")
            time.sleep(INTERVAL_S)

    def _unready(self, workloads: Sequence[str]) -> list[State]:
        objects = self._items(OBJECTS)
        unready = [state for state in diagnosis.states(workloads, objects) if not state.ready]
        if not unready:
            return []
        events = self._items("events", "--field-selector=type=Warning")
        return diagnosis.states([state.workload for state in unready], objects, events)

    def _items(self, *what: str) -> list[Object]:
        for _ in range(UNANSWERED_MAX):
            with contextlib.suppress(CommandFailed):
                return list(self._kubectl.items("get", *what))
            time.sleep(INTERVAL_S)
        return list(self._kubectl.items("get", *what))

    def _report(self, problems: Sequence[Problem]) -> str:
        """The first problem of each kind of each workload: replicas mostly fail alike."""
        first: dict[tuple[str, str], Problem] = {}
        for problem in problems:
            first.setdefault((problem.workload, problem.reason), problem)
        return "\n".join(line for problem in first.values() for line in self._lines(problem))

    def _lines(self, problem: Problem) -> list[str]:
        lines = [f"{_short(problem.workload)}: {problem.subject}: {problem.text}"]
        if problem.log:
            lines += [f"  {line}" for line in self._last_lines(problem.log)]
        return lines

    def _last_lines(self, log: Log) -> list[str]:
        which = ["--previous"] if log.previous else []
        try:
            text = self._kubectl.run("logs", log.pod, f"--container={log.container}", f"--tail={LOG_LINES}", *which)
        except RuntimeFailure as failure:
            return str(failure).splitlines()
        return text.splitlines() or ["it wrote nothing"]


def _short(workload: str) -> str:
    return workload.partition("/")[2]
