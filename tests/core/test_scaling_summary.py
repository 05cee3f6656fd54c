"""What a run says of autoscalers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from lab.core.autoscaling import Autoscaler, Size
from lab.core.experiment import Kind
from lab.core.summary import Summary, Tried, summarise
from lab.report.sentences import sentences
from tests.core.made import FACTS, SCALEOUT, arms_of, repeat_trial

SCHEMA = json.loads((Path(__file__).parents[2] / "lab/report/summary.schema.json").read_text())
SCALED = (Autoscaler.HTTPAUTOSCALER, Autoscaler.HPA, Autoscaler.NONE)


def scaled(hold_s: float | None = 20) -> Summary:
    """The first was watched twice; the others are not told of."""
    figures: dict[str, float | None] = {"bad_share": 0.05, "first_up_s": 4.0, "held_s": 11, "down_s": 25, "pod_s": 298}
    grew = [
        replace(repeat_trial("a, httpautoscaler", repeat, Kind.SCALEOUT, figures), sizes=(Size(0.0, 1, 1, 1),))
        for repeat in range(2)
    ]
    assert SCALEOUT.experiment
    scenario = replace(SCALEOUT, experiment=replace(SCALEOUT.experiment, hold_s=hold_s))
    tried = Tried({}, {}, {}, {}, {}, {"a, httpautoscaler": grew})
    return summarise("run", scenario, True, arms_of("a", autoscalers=SCALED), tried, FACTS)


def test_a_document_keeps_its_schema() -> None:
    jsonschema.validate(scaled().document(), SCHEMA)


def test_a_document_says_how_many_replicas_an_autoscaler_had_under_which_load() -> None:
    document = scaled().document()
    experiment = document["experiment"]
    assert document["factor"] == {"name": "autoscaler", "levels": ["httpautoscaler", "hpa", "none"]}
    assert experiment["steps"] == [
        {"rate_per_s": 10, "duration_s": 10},
        {"rate_per_s": 80, "duration_s": 70},
        {"rate_per_s": 10, "duration_s": 40},
    ]
    repeat = experiment["variants"]["a, httpautoscaler"][0]["repeats"][0]
    assert repeat["sizes"] == [{"at_s": 0.0, "wanted": 1, "there": 1, "ready": 1}]


HOLDS = [(20, "httpautoscaler after 20 s and hpa after 20 s"), (None, "httpautoscaler after 120 s and hpa after 300 s")]


@pytest.mark.parametrize(("hold_s", "told"), HOLDS)
def test_sentences_say_what_each_autoscaler_is(hold_s: float | None, told: str) -> None:
    happened, autoscalers, _ = sentences(scaled(hold_s))
    assert happened == (
        "From 10 to 80 requests per second and back, with 1 replica to begin with and 4 at most: "
        "a, httpautoscaler 5.0 % bad, first replicas asked for 4.0 s after the step, the SLO held after 11.0 s, "
        "1 again 25.0 s after the peak, 298 pod-s. Bad is failed, or later than 100 ms."
    )
    assert autoscalers == (
        "httpautoscaler is the lab's operator at 70 % of what a replica can carry; "
        "hpa is Kubernetes' own autoscaler at 70 % of the CPU that a replica requests; none is 1 replica all the time. "
        f"Down goes {told} in which less would have done."
    )
