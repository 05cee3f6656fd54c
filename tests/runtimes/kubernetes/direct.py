"""A kubectl whose cluster is this machine: its API only remembers, and to attach to a pod starts a program here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.runtimes.kubernetes.kubectl import Document, Kubectl


class DirectKubectl(Kubectl):
    """`objects` and `events` are what the API has; `log` is what the pods wrote. `runs` are the other commands."""

    def __init__(
        self,
        program: Sequence[str],
        objects: Sequence[dict[str, Any]] = (),
        events: Sequence[dict[str, Any]] = (),
        log: str = "",
    ) -> None:
        super().__init__("a-context", "a-namespace")
        self.program = program
        self.objects = list(objects)
        self.events = list(events)
        self.log = log
        self.applied: list[Document] = []
        self.runs: list[tuple[str, ...]] = []
        self.attached: list[str] = []

    def argv(self, *arguments: str) -> list[str]:
        assert arguments[0] == "attach"
        self.attached.append(arguments[-1])
        return list(self.program)

    def run(self, *arguments: str, stdin: bytes | None = None, timeout_s: float = 60.0) -> str:
        self.runs.append(arguments)
        return self.log if arguments[0] == "logs" else ""

    def json(self, *arguments: str, timeout_s: float = 60.0) -> dict[str, Any]:
        return {"items": self.events if arguments[1] == "events" else self.objects, "metadata": {"uid": "a-uid"}}

    def apply(self, *documents: Document) -> None:
        self.applied += documents


def job(name: str, conditions: Sequence[dict[str, Any]] = (), pods: int = 1) -> dict[str, Any]:
    return {
        "kind": "Job",
        "metadata": {"name": name, "uid": "job-uid", "generation": 1},
        "spec": {"completions": pods},
        "status": {"conditions": list(conditions)},
    }


def pod(name: str, number: int, state: dict[str, Any], phase: str = "Running") -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "uid": f"{name}-uid",
            "annotations": {"batch.kubernetes.io/job-completion-index": str(number)},
            "ownerReferences": [{"uid": "job-uid"}],
        },
        "spec": {"restartPolicy": "Never", "containers": [{"name": "worker"}]},
        "status": {"phase": phase, "containerStatuses": [{"name": "worker", "state": state}]},
    }


RUNNING: dict[str, Any] = {"running": {}}


def running(name: str, pods: int = 1) -> list[dict[str, Any]]:
    """A Job all of whose pods run, the last first."""
    return [job(name, pods=pods), *(pod(f"pod-{number}", number, RUNNING) for number in reversed(range(pods)))]
