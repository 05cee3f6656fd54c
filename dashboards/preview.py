"""Pages that show the dashboards without a Grafana: `python -m dashboards.preview --prometheus URL --out FOLDER`.

From the JSON that Grafana reads, its variables at what they begin with (`--choose role=orders` says otherwise), and
from what a Prometheus answers to its queries now. One file for each dashboard, which needs nothing else.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from dashboards.__main__ import FOLDER
from dashboards.ask import SCRAPE_S, STEP_S
from dashboards.catalogue import expressions
from dashboards.drawing import COLUMN, GAP, LINE, Answer, Window, section
from dashboards.model import FULL_WIDTH
from dashboards.prometheus import Prometheus, Series
from lab.errors import LabError

POINTS = 120  # of a line, where they are not nearer to each other than scrapes
UNITS_S = {"m": 60, "h": 3600}
STYLE = f"""
body {{ background: #111217; color: #ccccdc; font: 12px sans-serif; width: {FULL_WIDTH * COLUMN}px; margin: 16px auto }}
h1 {{ font-size: 20px; margin: 0 }} header p {{ margin: 4px 0 12px; color: #9a9aad }}
main {{ display: grid; grid-template-columns: repeat({FULL_WIDTH}, {COLUMN - GAP}px);
  grid-auto-rows: {LINE - GAP}px; gap: {GAP}px }}
h2 {{ font-size: 15px; margin: 0; align-self: center }}
h3 {{ font-size: 13px; height: 20px; margin: 0; overflow: hidden }}
section {{ background: #181b1f; border: 1px solid #2c2f36; padding: 7px 9px; overflow: hidden; flex: 1 }}
.repeated {{ display: flex; gap: {GAP}px }} pre {{ white-space: pre-wrap; margin: 0 }}
svg {{ display: block }} svg text {{ fill: #9a9aad; font-size: 11px }} svg .word {{ fill: #111217; font-weight: bold }}
.grid {{ stroke: #2a2d33 }} .limit {{ stroke-dasharray: 6 4; opacity: .8 }}
.mark {{ stroke-dasharray: 2 3; opacity: .8 }}
.legend {{ line-height: 18px; max-height: 54px; overflow: hidden }}
.legend span {{ margin-right: 12px; display: inline-block }}
.legend i {{ display: inline-block; width: 12px; height: 4px; margin-right: 5px; vertical-align: middle }}
.none {{ text-align: center; margin-top: 60px; font-size: 15px; color: #9a9aad }} .none small {{ font-size: 12px }}
.stat {{ display: flex; flex-wrap: wrap; justify-content: space-evenly; text-align: center; margin-top: 20px }}
.stat b {{ display: block; font-size: 30px; margin: 4px 14px }}
"""

Document = Mapping[str, Any]
Ask = Callable[[str], Sequence[Series]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prometheus", required=True, metavar="URL")
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--minutes", type=float, help="how far back; as the dashboard has it where not given")
    parser.add_argument("--choose", action="append", default=[], metavar="NAME=VALUE", help="a variable's value")
    options = parser.parse_args()
    chosen = dict(choice.split("=", 1) for choice in options.choose)
    prometheus = Prometheus(options.prometheus)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        for path in sorted(FOLDER.glob("*.json")):
            document = json.loads(path.read_text(encoding="utf-8"))
            shown = options.out / f"{path.stem}.html"
            shown.write_text(page(document, prometheus, time.time(), chosen, options.minutes), encoding="utf-8")
            sys.stdout.write(f"{shown}\n")
    except LabError as error:
        sys.exit(str(error))


def page(
    document: Document, prometheus: Prometheus, now: float, chosen: Mapping[str, str], minutes: float | None = None
) -> str:
    """Up to `now`, in Unix seconds. Raises LabError."""
    window = window_of(document, now, minutes)
    values = built_in(window)
    several: dict[str, list[str]] = {}
    for variable in document["templating"]["list"]:
        if variable["type"] != "datasource":
            name = variable["name"]
            several[name], start = _choices(variable, values, lambda asked: prometheus.at(asked, window.end_s))
            values[name] = chosen.get(name, start)
    marks = [
        (each.points[0][0], annotation["iconColor"])
        for annotation in document["annotations"]["list"]
        for each in prometheus.between(
            filled(annotation["expr"], values), window.begin_s, window.end_s, max(window.step_s, STEP_S)
        )
    ]
    window = Window(window.begin_s, window.end_s, window.step_s, marks)
    body = "".join(
        _panel(document["title"], panel, prometheus, window, values, several) for panel in document["panels"]
    )
    said = ", ".join(f"{name} {value}" for name, value in values.items() if not name.startswith("__"))
    head = (
        f"<h1>{escape(document['title'])}</h1><p>{escape(document['description'])}<br>{escape(said)}; times are UTC</p>"
    )
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><header>{head}</header><main>{body}</main>\n"


def window_of(document: Document, now: float, minutes: float | None) -> Window:
    """In whole steps, as Grafana asks."""
    (count, unit) = re.fullmatch(r"now-(\d+)([mh])", document["time"]["from"]).groups()  # type: ignore[union-attr]
    range_s = minutes * 60 if minutes else int(count) * UNITS_S[unit]
    step_s = max(SCRAPE_S, range_s // POINTS)
    end_s = now // step_s * step_s
    return Window(end_s - range_s, end_s, step_s)


def built_in(window: Window) -> dict[str, str]:
    """https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/"""
    rate_s = max(window.step_s + SCRAPE_S, 4 * SCRAPE_S)
    return {"__rate_interval": f"{rate_s:.0f}s", "__range": f"{window.end_s - window.begin_s:.0f}s"}


def filled(expression: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda found: values.get(found[1], found[0]), expression)


def _choices(variable: Document, values: Mapping[str, str], ask: Ask) -> tuple[list[str], str]:
    """All values of a variable over the time that is shown, and what it begins with."""
    if variable["type"] == "custom":
        return [], str(variable["current"]["value"])
    selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()  # type: ignore[union-attr]
    found = ask(f"group by ({label}) (last_over_time({filled(selector, values)}[{values['__range']}]))")
    choices = sorted(each.labels[label] for each in found if each.labels.get(label))
    return choices, variable.get("allValue") or next(iter(choices), "")


def _panel(
    dashboard: str,
    panel: Document,
    prometheus: Prometheus,
    window: Window,
    values: Mapping[str, str],
    several: Mapping[str, Sequence[str]],
) -> str:
    def one(values: Mapping[str, str], columns: int = 0) -> str:
        answers = list(_answers(panel, prometheus, window, values))
        title, text = (filled(each, values) for each in (panel["title"], instead(dashboard, panel)))
        return section(panel, title, answers, window, text, columns)

    repeat = panel.get("repeat")
    if not repeat:
        return one(values)
    wanted = [each for each in several[repeat] if re.fullmatch(values[repeat], each)]
    columns = FULL_WIDTH // max(len(wanted), 1)
    place = panel["gridPos"]
    area = f"grid-area:{place['y'] + 1}/1/span {place['h']}/span {FULL_WIDTH}"
    each_one = "".join(one({**values, repeat: value}, columns) for value in wanted)
    return f'<div class="repeated" style="{area}">{each_one}</div>'


def _answers(panel: Document, prometheus: Prometheus, window: Window, values: Mapping[str, str]) -> Iterator[Answer]:
    for target in panel.get("targets", ()):
        if "expr" not in target:
            continue  # of traces
        asked = filled(target["expr"], values)
        if target.get("instant"):
            series = prometheus.at(asked, window.end_s)
        else:
            series = prometheus.between(asked, window.begin_s, window.end_s, window.step_s)
        yield Answer(target["refId"], target["legendFormat"], series)


def instead(dashboard: str, panel: Document) -> str:
    """The text of a panel of text, or why it shows nothing, as its code says."""
    if panel["type"] == "text":
        return str(panel["options"]["content"])
    if panel["type"] == "table":
        return "traces are in Grafana alone"
    reasons = {
        each.may_be_empty.value
        for each in expressions()
        if (each.dashboard, each.panel) == (dashboard, panel.get("title")) and each.may_be_empty
    }
    return "; ".join(sorted(reasons)) or "this panel should have something to show"


if __name__ == "__main__":
    main()
