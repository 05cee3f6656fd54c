"""Every expression of every dashboard: Prometheus reads it, and has an answer where there is something to tell."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from dashboards import panels
from dashboards.catalogue import DASHBOARDS, expressions
from dashboards.empty import Empty
from dashboards.frame import OBJECTIVES
from dashboards.model import Expression, Kind
from lab.core.conventions import BUCKETS_S, DURATION, Label
from tests.dashboards import world

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="promtool is not installed")
ANSWERED = re.compile(r'expr: (".*"), time: \S+\n *exp: nil\n *got: ')

STATE = panels.state().queries[0].expression
# case, telemetry, whether each of two replicas can be read, answers per second with 200 and 500 (None: not told), state
STATES: list[tuple[str, str, tuple[int, int], tuple[int, int] | None, int]] = [
    ("no replica can be read", "metrics", (0, 0), None, 0),
    ("none can be read any more, though one was a moment ago", "metrics", (0, 0), (10, 0), 0),
    ("nobody asks", "metrics", (1, 1), (0, 0), 1),
    ("nothing was asked yet", "metrics", (1, 1), None, 1),
    ("answers", "official-5", (1, 1), (100, 0), 2),
    ("answers, one replica can't be read", "metrics", (1, 0), (100, 0), 2),
    ("4 % fail", "metrics", (1, 1), (96, 4), 2),
    ("5 % fail", "metrics", (1, 1), (95, 5), 3),
    ("all fails", "metrics", (1, 1), (0, 1), 3),
    ("told to tell nothing", "off", (0, 0), None, 4),
]


@needs_promtool
def test_every_expression_has_an_answer_where_everything_is_told(tmp_path: Path) -> None:
    asked = [each.asked(world.VALUES) for each in expressions()]
    said = _promtool(tmp_path, world.series(), {expression: [] for expression in asked}, world.SAMPLES * world.SCRAPE_S)
    assert "err:" not in said
    answered = {json.loads(found) for found in ANSWERED.findall(said)}
    assert [expression for expression in asked if expression not in answered] == []


@needs_promtool
@pytest.mark.parametrize(("telemetry", "up", "rates", "state"), [c[1:] for c in STATES], ids=[c[0] for c in STATES])
def test_a_panel_without_traffic_is_told_from_one_that_is_broken(
    telemetry: str, up: tuple[int, int], rates: tuple[int, int] | None, state: int, tmp_path: Path
) -> None:
    replica = f'job="pods",namespace="lab",variant="one",role="catalog",telemetry="{telemetry}"'
    series = [{"series": f'up{{{replica},pod="{pod}"}}', "values": f"{there}x60"} for pod, there in enumerate(up)]
    for status, rate in zip((200, 500), rates or (), strict=bool(rates)):
        labels = f'{replica},pod="0",{Label.STATUS}="{status}"'
        values = f"0+{rate * world.SCRAPE_S}x60"
        series.append({"series": f"{DURATION.name}_count{{{labels}}}", "values": values})
    samples = [{"labels": '{variant="one",role="catalog"}', "value": state}]
    said = _promtool(tmp_path, series, {Expression("", "", STATE, None).asked(world.VALUES): samples}, 200)
    assert "SUCCESS" in said, said


def _promtool(folder: Path, series: list[world.Series], asked: Mapping[str, object], at_s: int) -> str:
    """What it says of expressions and their answers, after `at_s` seconds of the series."""
    tests = [{"expr": each, "eval_time": f"{at_s}s", "exp_samples": answer} for each, answer in asked.items()]
    every = f"{world.SCRAPE_S}s"
    path = folder / "tests.yml"
    document = {
        "evaluation_interval": every,
        "tests": [{"interval": every, "input_series": series, "promql_expr_test": tests}],
    }
    path.write_text(json.dumps(document))
    done = subprocess.run([str(PROMTOOL), "test", "rules", str(path)], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def test_a_variable_without_a_value_is_refused() -> None:
    with pytest.raises(KeyError, match="variant"):
        Expression("A", "b", 'up{variant=~"$variant"}', None).asked({"namespace": "x"})


def test_every_panel_that_asks_prometheus_is_among_them() -> None:
    asking = {
        (dashboard.title, panel.title)
        for dashboard in DASHBOARDS
        for row in dashboard.rows
        for panel in row.panels
        if panel.kind not in (Kind.TEXT, Kind.TRACES)
    }
    assert {
        (each.dashboard, each.panel) for each in expressions() if not each.panel.startswith("annotation ")
    } == asking


def test_a_dashboard_shows_something_even_if_no_load_runs() -> None:
    """But for the one of a trial."""
    never_empty = {each.dashboard for each in expressions() if not each.may_be_empty}
    assert {dashboard.title for dashboard in DASHBOARDS} - never_empty == {"Trial"}


def test_every_reason_to_be_empty_is_of_some_panel() -> None:
    assert {each.may_be_empty for each in expressions()} == {None, *Empty}


def test_objectives_are_bounds_of_buckets() -> None:
    latency, _ = OBJECTIVES
    assert latency.choices
    assert {float(value) for value in latency.choices.values()} <= set(BUCKETS_S)
