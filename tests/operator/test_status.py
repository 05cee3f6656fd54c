"""What a status says of decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from scaler.decision import Decision, Reason
from scaler.demand import Recommendation, Rule
from scaler.spec import Mode, Spec
from scaler.status import TIMELINE_MAX, differs, status

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
SPEC = Spec(max_replicas=4)
STAYS = Decision(2, Reason.WITHIN_TARGET, "2 stay", measured=2, ready=2)
UP = Decision(4, Reason.TOO_MUCH, "2 → 4", (Recommendation(Rule.THROUGHPUT, 3.4, {"arrivals": 9.12345}),), None, 2, 2)


def told(
    decision: Decision, spec: Spec = SPEC, before: dict[str, Any] | None = None, at: datetime = NOW
) -> dict[str, Any]:
    return status(spec, decision, 2, 7, before or {}, at)


CONDITIONS: list[tuple[str, Spec, Decision, dict[str, tuple[str, str]]]] = [
    ("all is well", SPEC, STAYS, {"Ready": ("True", "Scaling"), "MetricsAvailable": ("True", "AllReplicas")}),
    ("unlimited", SPEC, STAYS, {"Limited": ("False", "WithinBounds"), "Conflicted": ("False", "NoOtherAutoscaler")}),
    ("limited", SPEC, replace(UP, limited=Reason.AT_MAXIMUM), {"Limited": ("True", "AtMaximum")}),
    ("some tell", SPEC, replace(STAYS, measured=1), {"MetricsAvailable": ("True", "PartialData")}),
    (
        "nobody tells",
        SPEC,
        Decision(2, Reason.NO_DATA, "2 stay", ready=2),
        {"Ready": ("False", "NoData"), "MetricsAvailable": ("False", "NoData")},
    ),
    (
        "paused",
        replace(SPEC, mode=Mode.PAUSED),
        Decision(2, Reason.PAUSED, "paused"),
        {"Ready": ("False", "Paused"), "MetricsAvailable": ("Unknown", "Paused")},
    ),
    ("dry run", replace(SPEC, mode=Mode.DRY_RUN), UP, {"Ready": ("False", "DryRun")}),
    (
        "another autoscaler",
        SPEC,
        Decision(2, Reason.CONFLICTED, "2 stay"),
        {"Ready": ("False", "Conflicted"), "Conflicted": ("True", "OtherAutoscaler")},
    ),
]


@pytest.mark.parametrize(("spec", "decision", "expected"), [c[1:] for c in CONDITIONS], ids=[c[0] for c in CONDITIONS])
def test_conditions(spec: Spec, decision: Decision, expected: dict[str, tuple[str, str]]) -> None:
    found = {one["type"]: (one["status"], one["reason"]) for one in told(decision, spec)["conditions"]}
    assert {name: found[name] for name in expected} == expected
    assert list(found) == ["Ready", "MetricsAvailable", "Limited", "Conflicted"]


def test_what_was_decided_and_why() -> None:
    found = told(UP)
    assert (found["currentReplicas"], found["desiredReplicas"], found["observedGeneration"]) == (2, 4, 7)
    assert (found["reason"], found["message"], found["lastScaleTime"]) == (
        "TooMuchLoad",
        "2 → 4",
        "2026-11-30T12:00:00Z",
    )
    assert found["recommendations"] == [{"rule": "Throughput", "replicas": 4, "inputs": {"arrivals": 9.123}}]


def test_a_dry_run_has_not_scaled() -> None:
    assert "lastScaleTime" not in told(UP, replace(SPEC, mode=Mode.DRY_RUN))


def test_a_condition_is_as_old_as_its_status() -> None:
    first = told(STAYS)
    later = told(replace(STAYS, measured=1), before=first, at=NOW + timedelta(minutes=1))
    metrics = next(one for one in later["conditions"] if one["type"] == "MetricsAvailable")
    assert (metrics["reason"], metrics["lastTransitionTime"]) == ("PartialData", "2026-11-30T12:00:00Z")
    gone = told(Decision(2, Reason.NO_DATA, "2 stay", ready=2), before=later, at=NOW + timedelta(minutes=2))
    metrics = next(one for one in gone["conditions"] if one["type"] == "MetricsAvailable")
    assert metrics["lastTransitionTime"] == "2026-11-30T12:02:00Z"


def test_the_timeline_has_the_changes_of_ten_minutes_and_what_was_in_force_before() -> None:
    found: dict[str, Any] = {}
    for minute in range(21):
        decision = UP if minute % 4 == 0 else STAYS
        found = told(decision, before=found, at=NOW + timedelta(minutes=minute))
    assert [(one["time"][11:16], one["reason"]) for one in found["timeline"]] == [
        ("12:09", "WithinTarget"),
        ("12:12", "TooMuchLoad"),
        ("12:13", "WithinTarget"),
        ("12:16", "TooMuchLoad"),
        ("12:17", "WithinTarget"),
        ("12:20", "TooMuchLoad"),
    ]


def test_the_timeline_is_bounded() -> None:
    found: dict[str, Any] = {}
    for second in range(200):
        found = told((STAYS, UP)[second % 2], before=found, at=NOW + timedelta(seconds=second))
    assert len(found["timeline"]) == TIMELINE_MAX


@pytest.mark.parametrize(
    ("after", "tells"),
    [
        (STAYS, False),
        (replace(STAYS, sentence="2 stay: other figures"), False),
        (replace(STAYS, reason=Reason.HOLDING), True),
        (replace(STAYS, measured=1), True),
        (UP, True),
    ],
    ids=["the same", "other figures", "another reason", "another condition", "another number"],
)
def test_only_what_differs_is_worth_a_write(after: Decision, tells: bool) -> None:
    before = told(STAYS)
    assert differs(before, told(after, before=before, at=NOW + timedelta(seconds=30))) is tells
