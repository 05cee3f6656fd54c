"""What an autoscaler decided and why, for `lab explain`: its status as tables. Times are shown in the reader's zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from scaler.status import TIMES

GOOD = {"Ready": "True", "MetricsAvailable": "True", "Limited": "False", "Conflicted": "False"}
RATES = ("arrivals", "capacity")


def explained(name: str, status: Mapping[str, Any], zone: tzinfo | None = None) -> RenderableType:
    """`status` is that of an HTTPAutoscaler after its first decision; `zone` None is that of this machine."""
    current, desired = status["currentReplicas"], status["desiredReplicas"]
    scaled = f"; scaled last at {_time(status['lastScaleTime'], zone)}" if "lastScaleTime" in status else ""
    return Group(
        Text(f"{name}: {status['reason']}", style="bold"),
        Text(status["message"]),
        Text(f"Replicas: {current} now, {desired} wanted{scaled}."),
        "",
        _rules(status),
        "",
        _conditions(status, zone),
        "",
        _timeline(status, zone),
    )


def _rules(status: Mapping[str, Any]) -> RenderableType:
    if not status["recommendations"]:
        return Text("No rule has what it needs for a recommendation.")
    table = _table("rule", "replicas", "from")
    for one in status["recommendations"]:
        table.add_row(one["rule"], str(one["replicas"]), ", ".join(_inputs(one["inputs"])))
    return table


def _conditions(status: Mapping[str, Any], zone: tzinfo | None) -> Table:
    table = _table("condition", "is", "since", "because")
    for one in status["conditions"]:
        because = f"{one['reason']}: {one['message']}"
        style = "" if one["status"] == GOOD.get(one["type"]) else "yellow"
        table.add_row(one["type"], one["status"], _time(one["lastTransitionTime"], zone), Text(because), style=style)
    return table


def _timeline(status: Mapping[str, Any], zone: tzinfo | None) -> Table:
    table = _table("time", "reason", "decision")
    for one in status["timeline"]:
        table.add_row(_time(one["time"], zone), one["reason"], Text(one["message"]))
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings[:-1]:
        table.add_column(heading, no_wrap=True)
    table.add_column(headings[-1])
    return table


def _inputs(inputs: Mapping[str, float]) -> Iterator[str]:
    for name, value in inputs.items():
        words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
        yield f"{words} {value:g}{'/s' if name in RATES else ''}"


def _time(text: str, zone: tzinfo | None) -> str:
    return f"{datetime.strptime(text, TIMES).replace(tzinfo=UTC).astimezone(zone):%H:%M:%S}"
