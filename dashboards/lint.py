"""What is wrong with a dashboard's JSON: everything at once, each with where it is and what to do. Pure.

Grafana takes nearly anything and shows an empty panel for it; a dashboard without a problem here has none of the
reasons that are known for one, as far as they can be told without data.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from dashboards.promql import Named, named
from dashboards.render import PROMETHEUS, TEMPO
from dashboards.series import BOUND, SERIES

Document = Mapping[str, Any]

WIDTH = 24
SOURCES = (PROMETHEUS.uid, TEMPO.uid)
BUILT_IN = frozenset({"__rate_interval", "__range", "__interval"})
# Those whose series end with what they count, and come anew: nobody reads a hundred of them.
UNBOUNDED = frozenset({"instance"})
RANGE = re.compile(r"\$__rate_interval|\$__range(:\d+s)?")
_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def problems(dashboard: Document) -> list[str]:
    """Sentences that begin with the titles of dashboard and panel."""
    title = dashboard.get("title") or "a dashboard without a title"
    return [f"{title}: {problem}" for problem in _problems(dashboard)]


def _problems(dashboard: Document) -> Iterator[str]:
    for member in ("uid", "title", "description", "tags"):
        if not dashboard.get(member):
            yield f"no {member}"
    if not any(link.get("keepTime") for link in dashboard.get("links", ())):
        yield "no link to the other dashboards that keeps the time: links with keepTime"
    variables = dashboard.get("templating", {}).get("list", [])
    known = BUILT_IN | {variable["name"] for variable in variables}
    for variable in variables:
        if variable["type"] == "query":
            yield from _in(f"variable {variable['name']}", _of_variable(variable, known))
    for annotation in dashboard.get("annotations", {}).get("list", ()):
        where = f"annotation {annotation.get('name')}"
        yield from _in(where, _of_source(annotation), _of_expression(annotation.get("expr", ""), known)[1])
    panels = [each for panel in dashboard.get("panels", ()) for each in (panel, *panel.get("panels", ()))]
    for panel in panels:
        yield from _in(panel.get("title") or f"panel {panel.get('id')}", _of_panel(panel, known))
    titles = Counter(panel.get("title") for panel in panels if panel["type"] != "row")
    yield from (f"{title}: {count} panels have this title" for title, count in titles.items() if title and count > 1)


def _in(where: str, *found: Iterator[str] | list[str]) -> Iterator[str]:
    return (f"{where}: {problem}" for each in found for problem in each)


def _of_panel(panel: Document, known: frozenset[str]) -> Iterator[str]:
    if not panel.get("title"):
        yield "no title"
    if panel["type"] == "row":
        return
    place = panel.get("gridPos") or {}
    if place.get("x", 0) + place.get("w", 0) > WIDTH:
        yield f"ends right of column {WIDTH}"
    if panel["type"] == "text":
        if not panel.get("options", {}).get("content"):
            yield "no text"
        return
    if not panel.get("description"):
        yield "no description: how to read it, and what to do"
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    if not defaults.get("unit"):
        yield "no unit: fieldConfig.defaults.unit; a number without one is `none`"
    if panel.get("repeat") and panel["type"] != "heatmap" and defaults.get("max") is None:
        yield "repeated without a maximum: axes of panels that stand side by side must be equal"
    yield from _of_source(panel)
    if not panel.get("targets"):
        yield "no query"
    for target in panel.get("targets", ()):
        yield from _in(f"query {target.get('refId')}", _of_target(target, known))


def _of_target(target: Document, known: frozenset[str]) -> Iterator[str]:
    yield from _of_source(target)
    if "expr" not in target:
        return
    read, found = _of_expression(target["expr"], known)
    yield from found
    legend = target.get("legendFormat") or "__auto"
    if legend == "__auto":
        yield "no legend: legendFormat, of labels that tell the series apart"
    for label in _LABEL.findall(legend):
        if label not in read.grouped:
            yield f"the legend names {label}, which no series of the result has: group by it"


def _of_source(part: Document) -> Iterator[str]:
    uid = (part.get("datasource") or {}).get("uid")
    if uid not in SOURCES:
        yield f"data source {uid or '(none)'}: use a variable, {' or '.join(map(str, SOURCES))}"


def _of_variable(variable: Document, known: frozenset[str]) -> Iterator[str]:
    yield from _of_source(variable)
    text = variable["query"]["query"]
    if not (found := re.fullmatch(r"label_values\((.+), (\w+)\)", text)):
        yield f"{text}: not label_values(SELECTOR, LABEL)"
        return
    read = named(found[1])
    yield from _of_names(read, known)
    for selector in read.selectors:
        if found[2] not in SERIES.get(selector.name, {found[2]}):
            yield f"{selector.name} has no label {found[2]}"


def _of_expression(expression: str, known: frozenset[str]) -> tuple[Named, list[str]]:
    read = named(expression)
    found = [*_of_names(read, known)]
    found += [
        f"range [{over}] is not [$__rate_interval] or [$__range]" for over in read.ranges if not RANGE.fullmatch(over)
    ]
    found += [f"{selector.name} is asked for without any label" for selector in read.selectors if not selector.matched]
    if "rate" in read.functions and not any(selector.range == "$__rate_interval" for selector in read.selectors):
        found.append("rate over something else than [$__rate_interval]")
    if not read.aggregates:
        found.append("as many series as there happen to be: aggregate by labels, or take the topk")
    found += [f"grouped by {label}, whose values have no bound" for label in read.grouped if label in UNBOUNDED]
    return read, found


def _of_names(read: Named, known: frozenset[str]) -> Iterator[str]:
    """Unknown variables, series and labels; a label that is grouped by must be of some series of the expression."""
    for variable in read.variables:
        if variable not in known:
            yield f"there is no variable ${variable}"
    there: set[str] = {BOUND}
    for selector in read.selectors:
        if (labels := SERIES.get(selector.name)) is None:
            yield f"nothing exports {selector.name}"
            continue
        there |= labels
        for label in selector.matched:
            if label not in labels:
                yield f"{selector.name} has no label {label}"
    known_all = all(selector.name in SERIES for selector in read.selectors)
    for label in dict.fromkeys(read.grouped):
        if known_all and label not in there:
            yield f"no series here has the label {label}"
