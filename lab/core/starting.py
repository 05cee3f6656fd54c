"""How a pod came up, from what its API object said at which moment. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.core.deployment import Start
from lab.core.objects import Object, condition_of, name_of

Pod = Object
ORDINARY = (None, "ContainerCreating", "PodInitializing")
Seen = Sequence[tuple[float, Pod]]  # seconds from the moment that it was asked for, and the object as it was then


def is_ready(pod: Pod) -> bool:
    return condition_of(pod, "Ready") is not None


def is_troubled(pod: Pod) -> bool:
    """Whether a container of it waits for anything but its turn."""
    statuses = [*pod["status"].get("initContainerStatuses", ()), *pod["status"].get("containerStatuses", ())]
    waiting = [status["state"]["waiting"].get("reason") for status in statuses if "waiting" in status.get("state", {})]
    return any(reason not in ORDINARY for reason in waiting)


def start(seen: Seen, first_answer_s: float, process_s: float | None = None) -> Start | None:
    """None while a phase is missing. A pod that waits for nothing has its schema as soon as it is scheduled.

    `process_s` is what the process itself says, where it does: of its pod, kubelets tell once a second.
    """
    phases = [_first(seen, reached) for reached in (_scheduled, _initialized, _running, is_ready)]
    if None in phases:
        return None
    scheduled, schema, running, ready = [phase or 0.0 for phase in phases]
    process = running if process_s is None else min(max(process_s, schema), ready)
    return Start(name_of(seen[-1][1]), scheduled, schema, process, ready, first_answer_s)


def _first(seen: Seen, reached: Callable[[Pod], bool]) -> float | None:
    return next((at_s for at_s, pod in seen if reached(pod)), None)


def _scheduled(pod: Pod) -> bool:
    return condition_of(pod, "PodScheduled") is not None


def _initialized(pod: Pod) -> bool:
    return condition_of(pod, "Initialized") is not None


def _running(pod: Pod) -> bool:
    statuses = pod["status"].get("containerStatuses", [])
    return bool(statuses) and all("running" in status.get("state", {}) for status in statuses)
