"""Pages that show dashboards without a Grafana, made from answers that a test decides."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboards.__main__ import FOLDER
from dashboards.catalogue import DASHBOARDS
from dashboards.drawing import Answer, Window, section, shown, ticks
from dashboards.model import Kind
from dashboards.preview import built_in, instead, page, window_of
from dashboards.prometheus import Prometheus, Series
from lab.errors import RuntimeFailure
from tests.ports import HOST

POLL_S = 0.01
NOW = 1_800_000_000
LABELS = {"namespace": "lab", "variant": "one", "role": "catalog", "run": "a-run", "trial": "a-trial", "le": "0.1"}
NAMES = [dashboard.name for dashboard in DASHBOARDS]
Reply = tuple[int, Mapping[str, Any]]


def one_series(parameters: Mapping[str, str]) -> Reply:
    """Of value 1, at all of the times that are asked for."""
    if "step" not in parameters:
        result = {"resultType": "vector", "result": [{"metric": LABELS, "value": [float(parameters["time"]), "1"]}]}
    else:
        begin, end, step = (float(parameters[name]) for name in ("start", "end", "step"))
        points = [[begin + number * step, "1"] for number in range(int((end - begin) / step) + 1)]
        result = {"resultType": "matrix", "result": [{"metric": LABELS, "values": points}]}
    return 200, {"status": "success", "data": result}


def nothing(parameters: Mapping[str, str]) -> Reply:
    return 200, {"status": "success", "data": {"resultType": "vector", "result": []}}


def refusal(parameters: Mapping[str, str]) -> Reply:
    return 422, {"status": "error", "errorType": "timeout", "error": "query timed out"}


@contextmanager
def answering(reply: Any) -> Iterator[Prometheus]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            status, document = reply(asked)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = Thread(target=server.serve_forever, args=[POLL_S])
    thread.start()
    try:
        yield Prometheus(f"http://{HOST}:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def document(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return read


def titles(html: str) -> list[str]:
    return [unescape(title) for title in re.findall(r"<h[23][^>]*>([^<]*)</h[23]>", html)]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_every_row_and_panel_in_their_order(name: str) -> None:
    with answering(one_series) as prometheus:
        html = page(document(name), prometheus, NOW, {})

    assert titles(html) == [panel["title"].replace("$variant", "one") for panel in document(name)["panels"]]


@pytest.mark.parametrize("name", NAMES)
def test_no_panel_is_without_data_where_all_is_answered(name: str) -> None:
    """But that of traces, which are Grafana's alone."""
    traces = sum(
        panel.kind is Kind.TRACES
        for dashboard in DASHBOARDS
        if dashboard.name == name
        for row in dashboard.rows
        for panel in row.panels
    )
    with answering(one_series) as prometheus:
        assert page(document(name), prometheus, NOW, {}).count("No data") == traces


def test_a_page_needs_nothing_else() -> None:
    with answering(one_series) as prometheus:
        html = page(document("compare"), prometheus, NOW, {})

    assert re.findall(r"<(?:script|link|img|iframe)|src=|href=|url\(", html) == []


def test_a_panel_without_data_says_why() -> None:
    panel = next(each for each in document("compare")["panels"] if each["title"] == "Throttled")
    with answering(nothing) as prometheus:
        html = page(document("compare"), prometheus, NOW, {})

    assert instead("Compare", panel) == "only where Prometheus may read the kubelets"
    assert f"<small>{instead('Compare', panel)}</small>" in html


def test_a_variable_that_is_chosen_is_asked_for() -> None:
    asked: list[str] = []

    def reply(parameters: Mapping[str, str]) -> Reply:
        asked.append(parameters["query"])
        return one_series(parameters)

    with answering(reply) as prometheus:
        page(document("service"), prometheus, NOW, {"role": "orders"})

    assert any('role=~"orders"' in each for each in asked)
    assert not any("$" in each or 'role=~"catalog"' in each for each in asked)


def test_what_prometheus_refuses_is_told() -> None:
    with answering(refusal) as prometheus, pytest.raises(RuntimeFailure, match=r"422 from http://.*: query timed out"):
        prometheus.at("up", NOW)


def test_a_prometheus_that_is_not_there_is_told_of() -> None:
    with answering(nothing) as prometheus:
        pass
    with pytest.raises(RuntimeFailure, match="no Prometheus answers at http://"):
        prometheus.at("up", NOW)


# case, dashboard's range, minutes that are asked for, seconds between points, seconds in all
WINDOWS = [
    ("as near as scrapes", "now-15m", 5, 5, 300),
    ("its own range", "now-15m", None, 7, 900),
    ("hours", "now-1h", None, 30, 3600),
]


@pytest.mark.parametrize(
    ("range_", "minutes", "step_s", "whole_s"), [c[1:] for c in WINDOWS], ids=[c[0] for c in WINDOWS]
)
def test_a_window_has_whole_steps(range_: str, minutes: float | None, step_s: float, whole_s: float) -> None:
    window = window_of({"time": {"from": range_}}, NOW + 3.3, minutes)

    assert (window.step_s, window.end_s - window.begin_s) == (step_s, whole_s)
    assert window.end_s % step_s == 0


def test_rates_are_over_four_scrapes_or_a_step_and_one() -> None:
    assert built_in(Window(0, 300, 5)) == {"__rate_interval": "20s", "__range": "300s"}
    assert built_in(Window(0, 3600, 30))["__rate_interval"] == "35s"


# value, Grafana's unit, as it is shown
SHOWN = [
    (0.0, "s", "0 s"),
    (0.0125, "s", "12.5 ms"),
    (0.00002, "s", "20 µs"),
    (90.0, "s", "90 s"),
    (0.256, "percentunit", "25.6 %"),
    (9.997, "percentunit", "1,000 %"),
    (2.0**26, "bytes", "64 MiB"),
    (1500.0, "short", "1.5 k"),
    (0.25, "none", "0.25"),
    (12.34, "reqps", "12.3 req/s"),
    (math.nan, "s", "–"),
]


@pytest.mark.parametrize(("value", "unit", "text"), SHOWN, ids=[c[2] for c in SHOWN])
def test_figures_have_units(value: float, unit: str, text: str) -> None:
    assert shown(value, unit) == text


# highest value, Grafana's unit, marks of the axis
TICKS = [
    (0.0, "none", [0.0, 1.0]),
    (1.0, "none", [0.0, 0.25, 0.5, 0.75, 1.0]),
    (7.0, "none", [0.0, 2.0, 4.0, 6.0, 8.0]),
    (180.0, "reqps", [0.0, 50.0, 100.0, 150.0, 200.0]),
    (2.0**21, "bytes", [0.0, 2.0**19, 2.0**20, 3 * 2.0**19, 2.0**21]),
]


@pytest.mark.parametrize(("highest", "unit", "marks"), TICKS, ids=[f"{c[0]:g} {c[1]}" for c in TICKS])
def test_an_axis_reaches_its_highest_value_in_round_steps(highest: float, unit: str, marks: list[float]) -> None:
    assert ticks(highest, unit) == pytest.approx(marks)


def drawn(kind: str, *series: Series) -> str:
    """A panel of the first dashboard of that kind, of these series, over a minute in steps of 5 s."""
    panel = next(panel for panel in document("compare")["panels"] if panel["type"] == kind)
    return section(panel, "A panel", [Answer("A", "{{pod}}", series)], Window(0, 60, 5), "")


def test_a_line_breaks_where_nothing_was_told() -> None:
    gap = Series({"pod": "a"}, ((5, 1), (10, 1), (15, math.nan), (20, 1), (25, 1), (40, 1), (45, 1)))

    assert drawn("timeseries", gap).count('fill="none"') == 3


def test_names_of_series_are_no_html() -> None:
    assert "<b>" not in drawn("timeseries", Series({"pod": "<b>"}, ((5, 1), (10, 1))))


def test_a_bucket_is_what_is_counted_below_its_bound_alone() -> None:
    """Of 4 below 0.1 s and 4 below 0.5 s, none took longer than 0.1 s."""
    below = (Series({"le": "0.1"}, ((30, 4),)), Series({"le": "0.5"}, ((30, 4),)))

    assert drawn("heatmap", *below).count("<rect") == 1


def test_a_state_is_one_bar_for_as_long_as_it_lasts() -> None:
    states = Series({"pod": "a"}, ((5, 1), (10, 1), (15, 2), (20, 2)))
    html = drawn("state-timeline", states)

    assert html.count("<rect") == 2
