"""The way of `make lab` on kind, from nothing and after an interruption: what was said, measured and left behind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cluster.labs import Lab

VARIANTS = ("django", "fastapi", "flask")
STARTS = 2  # repeats of a quick run


def results(lab: Lab, name: str) -> list[dict[str, Any]]:
    text = (lab.results / "latest" / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_it_says_where_it_runs_and_why(compared: str) -> None:
    assert compared.startswith("Runtime: kind, as LAB_RUNTIME says.\n")


def test_the_platform_that_was_half_there_is_ready(lab: Lab) -> None:
    releases = lab.place.kubectl.items("get", "secrets", "--selector=owner=helm,name=platform")
    assert [release["metadata"]["labels"]["status"] for release in releases][-1:] == ["deployed"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_keeps_its_contract(lab: Lab, compared: str, variant: str) -> None:
    found = [check for check in results(lab, "contract.jsonl") if check["variant"] == variant]
    assert [check["violations"] for check in found] == [[]], found


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_start_of_a_variant_was_told(lab: Lab, compared: str, variant: str) -> None:
    found = [trial["figures"] for trial in results(lab, "trials.jsonl") if trial["variant"] == variant]
    assert [0 < figures["ready_s"] < figures["first_answer_s"] for figures in found] == [True] * STARTS


def test_the_summary_says_what_it_ran_on(lab: Lab, compared: str) -> None:
    summary = json.loads((lab.results / "latest" / "summary.json").read_text(encoding="utf-8"))
    assert (summary["schema_version"], summary["runtime"]["name"]) == (5, "kind")


def test_no_service_and_no_job_of_a_comparison_is_left(lab: Lab) -> None:
    kubectl = lab.place.kubectl
    assert kubectl.items("get", "deployments", "--selector=frameworklab.dev/role") == []
    assert kubectl.items("get", "jobs", "--selector=app.kubernetes.io/component in (load, contract-checker)") == []
