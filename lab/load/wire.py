"""Loads and measurements as JSON between the lab and its load generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lab.core.measurement import Measurement
from lab.core.scenario import Request, Scenario, Slo
from lab.ports import Load


def load_document(load: Load) -> dict[str, Any]:
    return asdict(load)


def load_from(document: Mapping[str, Any]) -> Load:
    scenario = document["scenario"]
    requests = tuple(Request(**request) for request in scenario["requests"])
    return Load(
        **{**document, "scenario": Scenario(**{**scenario, "requests": requests, "slo": Slo(**scenario["slo"])})}
    )


def measurement_document(measurement: Measurement) -> dict[str, Any]:
    return asdict(measurement)


def measurement_from(document: Mapping[str, Any]) -> Measurement:
    by_connection = {int(port): count for port, count in document["requests_by_connection"].items()}
    return Measurement(**{**document, "requests_by_connection": by_connection})
