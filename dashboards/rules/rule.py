"""Rules as Prometheus' files have them. Expressions are PromQL; annotations are Prometheus' templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

RUNBOOKS = "docs/runbooks"


class Severity(StrEnum):
    PAGE = "page"  # somebody's users suffer now: look at once
    TICKET = "ticket"  # they will, or nobody would see it: look today


@dataclass(frozen=True, slots=True)
class Recording:
    """`name` is level:metric:operations."""

    name: str
    expr: str

    def document(self) -> dict[str, Any]:
        return {"record": self.name, "expr": self.expr}


@dataclass(frozen=True, slots=True)
class Alert:
    """`summary` says who suffers from what, `description` has the figure; without `hold_for` it fires at once."""

    name: str
    severity: Severity
    expr: str
    summary: str
    description: str
    hold_for: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {
            "alert": self.name,
            "expr": self.expr,
            **({"for": self.hold_for} if self.hold_for else {}),
            "labels": {"severity": self.severity.value, **self.labels},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook": f"{RUNBOOKS}/{self.name}.md",
            },
        }


@dataclass(frozen=True, slots=True)
class Group:
    """Evaluated together, in their order. `interval` is empty where it is as often as Prometheus evaluates."""

    name: str
    rules: Sequence[Recording | Alert]
    interval: str = ""

    def document(self) -> dict[str, Any]:
        interval = {"interval": self.interval} if self.interval else {}
        return {"name": self.name, **interval, "rules": [rule.document() for rule in self.rules]}
