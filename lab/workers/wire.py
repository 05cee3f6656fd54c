"""Loads and measurements as JSON between the lab and its load workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lab.core.experiment import Experiment
from lab.core.measurement import Answers, Measurement, Second, StreamsSeen
from lab.core.scenario import Beside, Request, Scenario, Slo, Streams
from lab.core.schedule import Step
from lab.ports import Load, Share


def load_document(load: Load) -> dict[str, Any]:
    return asdict(load)


def load_from(document: Mapping[str, Any]) -> Load:
    return Load(
        **{
            **document,
            "scenario": _scenario(document["scenario"]),
            "share": Share(**document["share"]),
            "steps": tuple(Step(**step) for step in document["steps"]),
        }
    )


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
            "seconds": tuple(Second(**second) for second in document["seconds"]),
        }
    )


def _scenario(document: Mapping[str, Any]) -> Scenario:
    streams, beside, done = document["streams"], document["beside"], document["experiment"]
    return Scenario(
        **{
            **document,
            "requests": tuple(Request(**request) for request in document["requests"]),
            "streams": Streams(**{name: Request(**request) for name, request in streams.items()}) if streams else None,
            "beside": Beside(Request(**beside["request"]), beside["rate_per_s"], tuple(beside["levels"]))
            if beside
            else None,
            "slo": Slo(**document["slo"]),
            "experiment": Experiment.from_document({done["kind"]: done}) if done else None,
        }
    )
