"""How a replica came up is told by when its pod first said what."""

from __future__ import annotations

from typing import Any

import pytest

from lab.core.deployment import Start
from lab.core.starting import is_ready, is_troubled, start


def pod(*conditions: str, running: bool = False) -> dict[str, Any]:
    return {
        "metadata": {"name": "shop-1"},
        "status": {
            "conditions": [{"type": condition, "status": "True"} for condition in conditions],
            "containerStatuses": [{"state": {"running": {}} if running else {"waiting": {}}}],
        },
    }


CREATED = pod()
SCHEDULED = pod("PodScheduled")
INITIALIZED = pod("PodScheduled", "Initialized")
RUNNING = pod("PodScheduled", "Initialized", running=True)
READY = pod("PodScheduled", "Initialized", "Ready", running=True)


def test_each_phase_counts_from_when_it_was_first_seen() -> None:
    seen = [(0.1, CREATED), (0.2, SCHEDULED), (0.9, INITIALIZED), (1.1, RUNNING), (1.5, RUNNING), (3.0, READY)]

    assert start(seen, first_answer_s=3.2) == Start("shop-1", 0.2, 0.9, 1.1, 3.0, 3.2)


def test_phases_that_came_together_have_one_time() -> None:
    assert start([(0.2, SCHEDULED), (2.0, READY)], 2.1) == Start("shop-1", 0.2, 2.0, 2.0, 2.0, 2.1)


@pytest.mark.parametrize(
    ("told_s", "process_s"), [(1.05, 1.05), (0.5, 0.9), (9.0, 3.0)], ids=["exact", "early", "late"]
)
def test_a_process_knows_its_start_best_but_not_against_its_pod(told_s: float, process_s: float) -> None:
    found = start([(0.9, INITIALIZED), (2.0, RUNNING), (3.0, READY)], 3.2, told_s)

    assert found
    assert found.process_s == process_s


def test_a_pod_that_is_not_ready_has_not_started() -> None:
    assert start([(0.2, SCHEDULED), (1.0, RUNNING)], 2.0) is None


@pytest.mark.parametrize(
    ("reason", "troubled"), [("PodInitializing", False), ("ErrImagePull", True), ("CrashLoopBackOff", True)]
)
def test_a_pod_that_waits_for_more_than_its_turn_is_troubled(reason: str, troubled: bool) -> None:
    waiting = {"metadata": {}, "status": {"containerStatuses": [{"state": {"waiting": {"reason": reason}}}]}}

    assert is_troubled(waiting) is troubled


def test_a_pod_without_status_is_not_ready() -> None:
    assert not is_ready({"metadata": {"name": "new"}, "status": {}})
