"""What the lint refuses: a dashboard that is right, with one thing broken, and what it says of it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from dashboards import lint
from dashboards.model import Annotation, Dashboard, Panel, Query, Row, Variable
from dashboards.render import rendered

RIGHT = 'sum by (pod) (rate(process_cpu_seconds_total{role=~"$role"}[$__rate_interval]))'
DASHBOARD = Dashboard(
    "one",
    "One",
    "Is it right?",
    (Variable("role", "Role", "role", 'up{job="pods"}'),),
    (Annotation("Starts", 'count(up{job="pods"})', "It started", "", "green", None),),
    (Row("A row", (Panel("CPU", "Cores. High: add some.", "none", (Query(RIGHT, "{{pod}}"),)),)),),
)
DOCUMENT: dict[str, Any] = json.loads(rendered(DASHBOARD))
ROW, PANEL = range(2)

# case, where, what is there instead (None: nothing), what is said
BROKEN: list[tuple[str, str, object, str]] = [
    ("no uid", "uid", None, "One: no uid"),
    ("no question", "description", "", "One: no description"),
    ("no way out", "links", [], "One: no link to the other dashboards that keeps the time: links with keepTime"),
    ("no title of a row", "panels/0/title", None, "One: panel 1: no title"),
    ("no title", "panels/1/title", "", "One: panel 2: no title"),
    ("no description", "panels/1/description", None, "One: CPU: no description: how to read it, and what to do"),
    (
        "no unit",
        "panels/1/fieldConfig/defaults/unit",
        None,
        "One: CPU: no unit: fieldConfig.defaults.unit; a number without one is `none`",
    ),
    ("too wide", "panels/1/gridPos/x", 20, "One: CPU: ends right of column 24"),
    (
        "other axes side by side",
        "panels/1/repeat",
        "role",
        "One: CPU: repeated without a maximum: axes of panels that stand side by side must be equal",
    ),
    (
        "a data source by its name",
        "panels/1/datasource/uid",
        "prometheus",
        "One: CPU: data source prometheus: use a variable, ${datasource} or ${traces}",
    ),
    (
        "no data source of a query",
        "panels/1/targets/0/datasource",
        None,
        "One: CPU: query A: data source (none): use a variable, ${datasource} or ${traces}",
    ),
    ("no query", "panels/1/targets", [], "One: CPU: no query"),
    (
        "no legend",
        "panels/1/targets/0/legendFormat",
        "__auto",
        "One: CPU: query A: no legend: legendFormat, of labels that tell the series apart",
    ),
    (
        "a legend of nothing",
        "panels/1/targets/0/legendFormat",
        "{{variant}}",
        "One: CPU: query A: the legend names variant, which no series of the result has: group by it",
    ),
    ("no text", "panels/1", {"type": "text", "title": "Note", "options": {"content": ""}}, "One: Note: no text"),
    (
        "a variable of values that are none",
        "templating/list/2/query/query",
        "up",
        "One: variable role: up: not label_values(SELECTOR, LABEL)",
    ),
    (
        "a variable of an unknown label",
        "templating/list/2/query/query",
        "label_values(http_server_workers, queue)",
        "One: variable role: http_server_workers has no label queue",
    ),
    (
        "an annotation that nothing exports",
        "annotations/list/0/expr",
        'count(kube_pod_info{pod="a"})',
        "One: annotation Starts: nothing exports kube_pod_info",
    ),
]

# case, expression, what is said of it
EXPRESSIONS: list[tuple[str, str, list[str]]] = [
    ("right", RIGHT, []),
    (
        "a part of it over all that is shown",
        'sum by (pod) (changes(process_start_time_seconds{role="a"}[$__range]))',
        [],
    ),
    ("unknown metric", 'sum by (pod) (http_requests{pod="a"})', ["nothing exports http_requests"]),
    (
        "unknown label",
        'sum by (pod) (process_cpu_seconds_total{framework="a"})',
        ["process_cpu_seconds_total has no label framework"],
    ),
    (
        "grouped by an unknown label",
        'sum by (pod, queue) (process_cpu_seconds_total{role="a"})',
        ["no series here has the label queue"],
    ),
    (
        "joined by an unknown label",
        'sum by (pod) (up{role="a"} * on (node_name) group_left () up{role="b"})',
        ["no series here has the label node_name"],
    ),
    ("unknown variable", 'sum by (pod) (up{role="$rolle"})', ["there is no variable $rolle"]),
    (
        "a range by hand",
        'sum by (pod) (rate(process_cpu_seconds_total{role="a"}[5m]))',
        ["range [5m] is not [$__rate_interval] or [$__range]", "rate over something else than [$__rate_interval]"],
    ),
    (
        "a rate over all that is shown",
        'sum by (pod) (rate(process_cpu_seconds_total{role="a"}[$__range]))',
        ["rate over something else than [$__rate_interval]"],
    ),
    ("all that there is", "sum by (pod) (up)", ["up is asked for without any label"]),
    (
        "as many as there happen to be",
        'process_resident_memory_bytes{role="a"}',
        ["as many series as there happen to be: aggregate by labels, or take the topk"],
    ),
    ("by every target", 'sum by (pod, instance) (up{role="a"})', ["grouped by instance, whose values have no bound"]),
]


def test_a_dashboard_that_is_right_passes() -> None:
    assert lint.problems(DOCUMENT) == []


@pytest.mark.parametrize(("where", "value", "said"), [c[1:] for c in BROKEN], ids=[c[0] for c in BROKEN])
def test_a_broken_dashboard_is_refused(where: str, value: object, said: str) -> None:
    broken = copy.deepcopy(DOCUMENT)
    *path, last = [int(step) if step.isdigit() else step for step in where.split("/")]
    part: Any = broken
    for step in path:
        part = part[step]
    if value is None:
        del part[last]
    else:
        part[last] = value
    assert lint.problems(broken) == [said]


@pytest.mark.parametrize(("expression", "said"), [c[1:] for c in EXPRESSIONS], ids=[c[0] for c in EXPRESSIONS])
def test_an_expression_is_refused(expression: str, said: list[str]) -> None:
    broken = copy.deepcopy(DOCUMENT)
    broken["panels"][PANEL]["targets"][0]["expr"] = expression
    broken["panels"][PANEL]["targets"][0]["legendFormat"] = "one"
    assert lint.problems(broken) == [f"One: CPU: query A: {each}" for each in said]


def test_two_panels_of_one_title_are_refused() -> None:
    broken = copy.deepcopy(DOCUMENT)
    broken["panels"].append(broken["panels"][PANEL])
    assert lint.problems(broken) == ["One: CPU: 2 panels have this title"]


def test_panels_of_a_row_that_is_closed_are_looked_at() -> None:
    broken = copy.deepcopy(DOCUMENT)
    broken["panels"][ROW]["panels"] = [{**broken["panels"].pop(PANEL), "description": ""}]
    assert lint.problems(broken) == ["One: CPU: no description: how to read it, and what to do"]
