"""How many replicas a service has, as kubectl tells it: here a script that says what it is to say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lab.core.autoscaling import Size
from lab.errors import RuntimeFailure
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.runtimes.kubernetes.sizes import sizes
from tests.polling import until
from tests.runtimes.kubernetes.programs import program

KUBECTL = Kubectl("a-context", "a-namespace")
NOTHING_THERE = {"spec": {"replicas": 1}, "status": {}}
ONE = {"spec": {"replicas": 1}, "status": {"replicas": 1, "readyReplicas": 1}}
GROWING = {"spec": {"replicas": 4}, "status": {"replicas": 4, "readyReplicas": 1}}
GOES_ON = "exec /bin/sleep 60"


def telling(folder: Path, *documents: object, then: str) -> None:
    """A kubectl that says no more than these when it is asked to watch."""
    lines = [f"echo '{json.dumps(document)}'" for document in documents]
    program(folder, "kubectl", "\n".join([*lines, then]))


def test_each_change_is_told_when_it_was_seen(programs: Path) -> None:
    telling(programs, NOTHING_THERE, ONE, GROWING, then=GOES_ON)
    with sizes(KUBECTL, "shop") as seen:
        found = until(lambda: seen() if len(seen()) == 3 else None, 5, "three changes")
    assert [replace(size, at_s=0) for size in found] == [Size(0, 1, 0, 0), Size(0, 1, 1, 1), Size(0, 4, 4, 1)]
    assert found[0].at_s <= found[1].at_s <= found[2].at_s


def test_a_watch_that_ends_is_told(programs: Path) -> None:
    telling(programs, ONE, then="exit 1")
    with (
        sizes(KUBECTL, "shop") as seen,
        pytest.raises(RuntimeFailure, match="the cluster ended the watch of deployment/shop"),
    ):
        until(lambda: len(seen()) > 1, 5, "what never comes")


def test_what_is_not_there_can_not_be_watched(programs: Path) -> None:
    telling(programs, then="exit 1")
    with pytest.raises(RuntimeFailure, match="the cluster ended the watch"), sizes(KUBECTL, "shop"):
        pass
