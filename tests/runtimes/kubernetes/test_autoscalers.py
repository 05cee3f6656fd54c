"""Autoscalers over a release: what is changed, and that it is changed back; kubectl and helm are scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.core.autoscaling import Autoscaler, Autoscaling
from lab.errors import RuntimeFailure
from lab.runtimes.kubernetes.autoscalers import Autoscalers
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.runtimes.kubernetes.releases import Releases
from lab.runtimes.kubernetes.values import Values
from lab.runtimes.kubernetes.waiting import Waiting
from tests.runtimes.kubernetes.programs import program

KUBECTL = Kubectl("a-context", "mine")
TOLD: Values = {"replicas": 1}


def autoscalers(change: Callable[[str, Values], None]) -> Autoscalers:
    releases, waiting = Releases(KUBECTL, lambda step: None), Waiting(KUBECTL, lambda step: None)
    return Autoscalers(KUBECTL, releases, waiting, change, "framework-lab/operator:v1", namespaced=False)


def test_a_change_that_fails_half_way_is_taken_back() -> None:
    changes: list[Values] = []

    def change(release: str, told: Values) -> None:
        changes.append(told)
        if told != TOLD:
            raise RuntimeFailure("no end after 180 s of: helm upgrade")

    with (
        pytest.raises(RuntimeFailure, match="no end after 180 s"),
        autoscalers(change).over("shop", TOLD, Autoscaling(Autoscaler.HPA, 4, 0.25)),
    ):
        pytest.fail("nothing scales it")

    assert changes[1:] == [TOLD]


def test_an_operator_that_could_not_be_installed_is_not_looked_for(programs: Path) -> None:
    """Its definition may not be there, and the cluster's error would hide the real one."""
    program(programs, "kubectl", "echo no such resource >&2; exit 1")
    program(programs, "helm", "exit 1")
    some = autoscalers(lambda release, told: None)

    with pytest.raises(RuntimeFailure), some.over("shop", TOLD, Autoscaling(Autoscaler.HTTPAUTOSCALER, 4, 0.25)):
        pytest.fail("nothing scales it")

    some.remove_operator()
