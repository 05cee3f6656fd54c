"""Loads and measurements as JSON between the lab and its load generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lab.core.measurement import Answers, Measurement, StreamsSeen
from lab.core.scenario import Beside, Request, Scenario, Slo, Streams
from lab.ports import Load


def load_document(load: Load) -> dict[str, Any]:
    return asdict(load)


def load_from(document: Mapping[str, Any]) -> Load:
    return Load(**{**document, "scenario": _scenario(document["scenario"])})


def measurement_document(measurement: Measurement) -> dict[str, Any]:
    return asdict(measurement)


def measurement_from(document: Mapping[str, Any]) -> Measurement:
    beside, streams = document["beside"], document["streams"]
    return Measurement(
        **{
            **document,
            "requests_by_connection": {int(port): count for port, count in document["requests_by_connection"].items()},
            "beside": Answers(**beside) if beside else None,
            "streams": StreamsSeen(**streams) if streams else None,
        }
    )


def _scenario(document: Mapping[str, Any]) -> Scenario:
    streams, beside = document["streams"], document["beside"]
    return Scenario(
        **{
            **document,
            "requests": tuple(Request(**request) for request in document["requests"]),
            "streams": Streams(**{name: Request(**request) for name, request in streams.items()}) if streams else None,
            "beside": Beside(Request(**beside["request"]), beside["rate_per_s"], tuple(beside["levels"]))
            if beside
            else None,
            "slo": Slo(**document["slo"]),
        }
    )
