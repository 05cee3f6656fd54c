"""`lab explain`: what it shows of a status, and what it says where there is none."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from scaler.decision import Decision, Reason
from scaler.demand import Recommendation, Rule
from scaler.spec import Spec
from scaler.status import status

from lab.cli.clusters import autoscaler_of
from lab.cli.main import run
from lab.core.objects import name_of
from lab.core.telemetry import OFF
from lab.errors import InputError
from lab.report.explain import explained
from lab.runtimes.local import LocalRuntime
from tests.cli.test_watch import deployment

WIDTH = 80
SPEC = Spec(max_replicas=4)
BEGIN = datetime(2026, 11, 30, 11, 59, tzinfo=UTC)
STEADY = Decision(
    1, Reason.WITHIN_TARGET, "1 stay: 20 a second arrive, one replica carries 28 a second", (), None, 1, 1
)
MORE = Decision(
    replicas=4,
    reason=Reason.TOO_MUCH,
    sentence="1 → 5: 85 a second arrive and 38 wait, one replica carries 28 a second; 4 is the most",
    recommendations=(
        Recommendation(Rule.THROUGHPUT, 4.4, {"arrivals": 85.25, "waiting": 38.0, "capacity": 40.0}),
        Recommendation(Rule.CONCURRENCY, 3.1, {"underWay": 62.0, "target": 20.0}),
    ),
    limited=Reason.AT_MAXIMUM,
    measured=1,
    ready=1,
)


def decided(*decisions: Decision) -> dict[str, Any]:
    """The status after these, five seconds apart, each of which found one replica."""
    found: dict[str, Any] = {}
    for number, decision in enumerate(decisions):
        found = status(SPEC, decision, 1, 1, found, BEGIN + timedelta(seconds=5 * number))
    return found


def lines(found: dict[str, Any]) -> list[str]:
    console = Console(width=WIDTH, file=io.StringIO(), record=True)
    console.print(explained("fastapi-catalog", found, UTC))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_a_decision_is_told_with_all_that_it_comes_from() -> None:
    assert lines(decided(STEADY, MORE)) == [
        "fastapi-catalog: TooMuchLoad",
        "1 → 5: 85 a second arrive and 38 wait, one replica carries 28 a second; 4 is the",
        "most",
        "Replicas: 1 now, 4 wanted; scaled last at 11:59:05.",
        "",
        "rule         replicas  from",
        "Throughput   5         arrivals 85.25/s, waiting 38, capacity 40/s",
        "Concurrency  4         under way 62, target 20",
        "",
        "condition         is     since     because",
        "Ready             True   11:59:00  Scaling: decides and scales",
        "MetricsAvailable  True   11:59:00  AllReplicas: 1 of 1 ready replicas tell what",
        "                                   they do",
        "Limited           True   11:59:05  AtMaximum: 1 → 5: 85 a second arrive and 38",
        "                                   wait, one replica carries 28 a second; 4 is",
        "                                   the most",
        "Conflicted        False  11:59:00  NoOtherAutoscaler: nobody else is known to",
        "                                   scale the target",
        "",
        "time      reason        decision",
        "11:59:00  WithinTarget  1 stay: 20 a second arrive, one replica carries 28 a",
        "                        second",
        "11:59:05  TooMuchLoad   1 → 5: 85 a second arrive and 38 wait, one replica",
        "                        carries 28 a second; 4 is the most",
    ]


def test_without_a_recommendation_it_says_so() -> None:
    assert "No rule has what it needs for a recommendation." in lines(decided(STEADY))


BY_NAME = {"metadata": {"name": "by-name"}, "spec": {"scaleTargetRef": {"name": "fastapi-catalog"}}}
OTHER = {"metadata": {"name": "fastapi-orders"}, "spec": {"scaleTargetRef": {"name": "by-name"}}}
NAMED = [
    # case                              name               -> the autoscaler's name
    ("by its own name", "by-name", "by-name"),
    ("by what it scales", "fastapi-catalog", "by-name"),
    ("its own name goes first", "fastapi-orders", "fastapi-orders"),
]


@pytest.mark.parametrize(("name", "found"), [case[1:] for case in NAMED], ids=[case[0] for case in NAMED])
def test_on_a_cluster_it_is_found(name: str, found: str) -> None:
    assert name_of(autoscaler_of(name, [BY_NAME, OTHER])) == found


def test_on_a_cluster_those_there_are_are_listed() -> None:
    with pytest.raises(InputError, match="no HTTPAutoscaler nobody; there are by-name, fastapi-orders"):
        autoscaler_of("nobody", [BY_NAME, OTHER])
    with pytest.raises(InputError, match=r"no HTTPAutoscaler nobody; none is there; docs/autoscaling\.md shows one"):
        autoscaler_of("nobody", [])


@pytest.fixture
def lab_dir(lab_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_DIR", str(lab_directory))


@pytest.mark.slow
@pytest.mark.usefixtures("lab_dir")
def test_without_an_autoscaler_it_says_how_to_get_one(
    runtime: LocalRuntime, capsys: pytest.CaptureFixture[str]
) -> None:
    name = runtime.deploy(deployment("explained", "catalog", OFF)).name
    assert run(["explain", name]) == 1
    assert run(["explain", "nobody"]) == 2
    runtime.remove(name)

    autoscaler, nobody = capsys.readouterr().err.split("\n", 1)
    assert autoscaler == f"{name} has no autoscaler; for one: lab down, then lab up --autoscale"
    assert re.search(rf"there is no nobody; there are .*{name}", nobody)


def test_without_a_lab_it_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_DIR", str(tmp_path))
    assert run(["explain", "fastapi-catalog"]) == 1
    assert capsys.readouterr().err == f"no lab is up in {tmp_path}; start one: lab up\n"
