"""What a resource's status says of a decision: conditions, recommendations and the timeline. Pure: times are arguments.

Conditions are those of the Kubernetes API's conventions: each with a status, a reason, a message and when its status
changed last.
https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from scaler.decision import Decision, Reason
from scaler.spec import Mode, Spec

TIMELINE = timedelta(minutes=10)
TIMELINE_MAX = 60
TIMES = "%Y-%m-%dT%H:%M:%SZ"

_NOT_SCALING = {
    Reason.PAUSED,
    Reason.CONFLICTED,
    Reason.SUSPENDED,
    Reason.NO_DATA,
    Reason.TARGET_NOT_FOUND,
    Reason.TICK_FAILED,
}
_NOT_LOOKED = {Reason.PAUSED, Reason.CONFLICTED, Reason.SUSPENDED, Reason.TARGET_NOT_FOUND, Reason.TICK_FAILED}


def status(
    spec: Spec, decision: Decision, current: int, generation: int, before: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """The status after a decision that found `current` replicas; `before` is the status until now, empty at first."""
    time = now.strftime(TIMES)
    scaled = decision.replicas != current and spec.mode is Mode.ACTIVE
    found: dict[str, Any] = {
        "observedGeneration": generation,
        "currentReplicas": current,
        "desiredReplicas": decision.replicas,
        "reason": str(decision.reason),
        "message": decision.sentence,
        "recommendations": [
            {
                "rule": str(one.rule),
                "replicas": one.replicas,
                "inputs": {name: round(value, 3) for name, value in one.inputs.items()},
            }
            for one in decision.recommendations
        ],
        "conditions": _conditions(spec, decision, before.get("conditions", ()), time),
        "timeline": _timeline(decision, current, before.get("timeline", ()), now),
    }
    last = time if scaled else before.get("lastScaleTime")
    return {**found, "lastScaleTime": last} if last else found


def differs(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether somebody who watches should hear of it: another decision or condition, not merely other figures."""
    return _essence(before) != _essence(after)


def _essence(found: Mapping[str, Any]) -> list[Any]:
    names = ("observedGeneration", "currentReplicas", "desiredReplicas", "reason", "lastScaleTime")
    conditions = [(one["type"], one["status"], one["reason"]) for one in found.get("conditions", ())]
    return [*(found.get(name) for name in names), conditions]


def _conditions(spec: Spec, decision: Decision, before: Sequence[Mapping[str, str]], time: str) -> list[dict[str, str]]:
    reason, sentence = decision.reason, decision.sentence
    if reason in _NOT_SCALING:
        ready = ("False", str(reason), sentence)
    elif spec.mode is Mode.DRY_RUN:
        ready = ("False", "DryRun", "decides, but changes nothing")
    else:
        ready = ("True", "Scaling", "decides and scales")
    told = f"{decision.measured} of {decision.ready} ready replicas tell what they do"
    if reason in _NOT_LOOKED:
        metrics = ("Unknown", str(reason), "not looked at")
    elif not decision.measured:
        metrics = ("False", "NoData", told)
    elif decision.measured < decision.ready:
        metrics = ("True", "PartialData", told)
    else:
        metrics = ("True", "AllReplicas", told)
    limited = (
        ("True", str(decision.limited), sentence)
        if decision.limited
        else ("False", "WithinBounds", f"{spec.min_replicas} to {spec.max_replicas} replicas are allowed")
    )
    conflicted = reason is Reason.CONFLICTED
    conflict = (
        ("True", "OtherAutoscaler", sentence)
        if conflicted
        else ("False", "NoOtherAutoscaler", "nobody else is known to scale the target")
    )
    found = {"Ready": ready, "MetricsAvailable": metrics, "Limited": limited, "Conflicted": conflict}
    since = {(one["type"], one["status"]): one["lastTransitionTime"] for one in before}
    return [
        {
            "type": kind,
            "status": value,
            "reason": why,
            "message": message,
            "lastTransitionTime": since.get((kind, value), time),
        }
        for kind, (value, why, message) in found.items()
    ]


def _timeline(
    decision: Decision, current: int, before: Sequence[Mapping[str, Any]], now: datetime
) -> list[Mapping[str, Any]]:
    """What was decided in the last ten minutes, an entry for each change; the first was in force when they began."""
    entry = {
        "time": now.strftime(TIMES),
        "replicas": current,
        "desired": decision.replicas,
        "reason": str(decision.reason),
        "message": decision.sentence,
    }
    same = before and all(before[-1].get(name) == entry[name] for name in ("replicas", "desired", "reason"))
    entries = [*before] if same else [*before, entry]
    begin = (now - TIMELINE).strftime(TIMES)
    gone = sum(one["time"] < begin for one in entries[1:])
    return entries[gone:][-TIMELINE_MAX:]
