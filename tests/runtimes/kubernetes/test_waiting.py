"""Waiting for what a resource says of itself; kubectl is a script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.errors import RuntimeFailure
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.runtimes.kubernetes.waiting import Waiting
from tests.runtimes.kubernetes.programs import program

KUBECTL = Kubectl("a-context", "mine")
BLIND = {"type": "ScalingActive", "status": "False", "message": "no metrics of CPU"}
SEES = {"type": "ScalingActive", "status": "True"}


def says(programs: Path, *conditions: dict[str, Any]) -> None:
    program(programs, "kubectl", f"echo '{json.dumps({'status': {'conditions': conditions}})}'")


def test_a_condition_that_is_true_is_not_waited_for(programs: Path) -> None:
    says(programs, SEES)
    Waiting(KUBECTL, lambda step: None).holds("hpa/web", "ScalingActive", 0)


@pytest.mark.parametrize(
    ("conditions", "why"), [((BLIND,), "no metrics of CPU"), ((), "it says nothing")], ids=["false", "unknown"]
)
def test_one_that_stays_false_is_told_with_its_reason(
    programs: Path, conditions: tuple[dict[str, Any], ...], why: str
) -> None:
    says(programs, *conditions)
    with pytest.raises(RuntimeFailure, match=f"^hpa/web is not ScalingActive after 0 s: {why}$"):
        Waiting(KUBECTL, lambda step: None).holds("hpa/web", "ScalingActive", 0)


def test_nobody_waits_on_after_an_interruption(programs: Path) -> None:
    says(programs, BLIND)
    with pytest.raises(RuntimeFailure, match="interrupted while waiting for web"):
        Waiting(KUBECTL, lambda step: None, lambda: True).holds("hpa/web", "ScalingActive", 60)
