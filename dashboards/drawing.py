"""A panel of Grafana's JSON and what Prometheus answered, as HTML with charts in SVG. Pure.

It has what a picture needs to be read: lines, stacks, two axes, limits, buckets, states, figures. Grafana draws more.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from typing import Any

from dashboards.prometheus import Series

COLUMN, LINE, GAP = 60, 38, 8  # pixels: a panel of w columns and h lines is w * COLUMN - GAP wide, h * LINE - GAP high
PADDING, HEAD, LEGEND = 10, 30, 18
LEFT, RIGHT, BOTTOM, TOP = 62, 46, 20, 6
EDGE = 26  # half of a time's text
COLOURS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#37c2b1", "#c4a484", "#8ab8ff", "#e0b400")
NAMED = {
    "green": "#73bf69",
    "yellow": "#f2cc0c",
    "red": "#f2495c",
    "blue": "#5794f2",
    "orange": "#ff9830",
    "purple": "#b877d9",
}
SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
BINARY = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
DECIMAL = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
AFTER = {"reqps": " req/s", "ops": " ops/s", "Bps": "B/s"}

Panel = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """To one query: its legend and `ref`, and what it gave over the time that is shown."""

    ref: str
    legend: str
    series: Sequence[Series]

    def name(self, series: Series) -> str:
        return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: series.labels.get(found[1], ""), self.legend).strip()


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is shown, in Unix seconds; `marks` are when something began, and its colour."""

    begin_s: float
    end_s: float
    step_s: float
    marks: Sequence[tuple[float, str]] = ()

    def between(self, left: float, right: float) -> Callable[[float], float]:
        """Where a time is on an axis between these; what was before is at its begin."""
        scale = (right - left) / (self.end_s - self.begin_s)
        return lambda at_s: left + max(0.0, at_s - self.begin_s) * scale


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    colour: str
    points: Sequence[tuple[float, float]]
    right: bool = False


def shown(value: float, unit: str) -> str:
    """As Grafana writes it, nearly: `12.5 ms`."""
    if math.isnan(value):
        return "–"
    if unit == "percentunit":
        return f"{_digits(value * 100)} %"
    scale = {"s": SECONDS, "bytes": BINARY}.get(unit, DECIMAL)
    factor, word = next((each for each in scale if abs(value or 1.0) >= each[0]), scale[-1])
    return f"{_digits(value / factor)}{' ' if word else ''}{word}{AFTER.get(unit, '')}"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"


def ticks(highest: float, unit: str = "none", count: int = 4) -> list[float]:
    """From 0 to at least `highest`, by steps that people count in."""
    if not highest:
        return [0.0, 1.0]
    factor = next((each for each, _ in BINARY if highest >= each), 1.0) if unit == "bytes" else 1.0
    raw = highest / factor / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = factor * next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= raw * (1 - 1e-9))
    return [number * step for number in range(math.ceil(highest / step - 1e-9) + 1)]


def section(panel: Panel, title: str, answers: Sequence[Answer], window: Window, text: str, columns: int = 0) -> str:
    """A panel where its gridPos has it. `text` is there where nothing is drawn, `columns` if it is repeated."""
    place = panel["gridPos"]
    area = f"grid-area:{place['y'] + 1}/{place['x'] + 1}/span {place['h']}/span {place['w']}" if not columns else ""
    width = (columns or place["w"]) * COLUMN - GAP - 2 * PADDING
    height = place["h"] * LINE - GAP - HEAD - PADDING
    if panel["type"] == "row":
        return f'<h2 style="{area}">{escape(title)}</h2>'
    if panel["type"] == "text":
        body = f"<pre>{escape(text)}</pre>"
    elif any(answer.series for answer in answers):
        body = _BODIES[panel["type"]](panel, answers, window, width, height)
    else:
        body = f'<p class="none">No data<br><small>{escape(text)}</small></p>'
    head = f'<h3 title="{escape(panel.get("description") or "")}">{escape(title)}</h3>'
    return f'<section style="{area}">{head}{body}</section>'


def _lines(panel: Panel, answers: Sequence[Answer], window: Window, width: int, height: int) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    rights = _on_the_right(panel)
    named = [(answer, series) for answer in answers for series in answer.series]
    lines = [
        Line(answer.name(series), COLOURS[number % len(COLOURS)], series.points, answer.ref in rights)
        for number, (answer, series) in enumerate(named)
    ]
    stacks = defaults.get("custom", {}).get("stacking", {}).get("mode") == "normal"
    if stacks:
        lines = list(_stacked(lines))
    used = sum(len(line.name) * 6 + 30 for line in lines)
    height -= min(3, 1 + used // width) * LEGEND
    axes = {
        right: ticks(defaults.get("max") or max(_values(lines, right), default=0.0), defaults["unit"])
        for right in sorted({line.right for line in lines})
    }
    right_edge = width - (RIGHT if True in axes else EDGE)
    x = window.between(LEFT, right_edge)

    def y(value: float, right: bool = False) -> float:
        return TOP + (1 - min(1.0, value / axes[right][-1])) * (height - TOP - BOTTOM)

    parts = [_times(window, x, height)]
    for right, marks in axes.items():
        unit = "short" if right else defaults["unit"]
        at, anchor = (right_edge + 6, "start") if right else (LEFT - 6, "end")
        for tick in marks:
            if not right or False not in axes:
                parts.append(f'<path class="grid" d="M{LEFT} {y(tick, right):.1f}H{right_edge}"/>')
            parts.append(
                f'<text x="{at}" y="{y(tick, right) + 4:.1f}" text-anchor="{anchor}">{shown(tick, unit)}</text>'
            )
    for step in defaults["thresholds"]["steps"][1:]:
        if False in axes and step["value"] <= axes[False][-1]:
            path = f"M{LEFT} {y(step['value']):.1f}H{right_edge}"
            parts.append(f'<path class="limit" d="{path}" stroke="{NAMED[step["color"]]}"/>')
    for line in reversed(lines):
        parts += [_path(run, line, x, y, stacks) for run in _runs(line.points, window.step_s)]
    legend = "".join(
        f'<span><i style="background:{line.colour}"></i>{escape(line.name) or "value"}</span>' for line in lines
    )
    return f'{_svg(width, height, parts)}<div class="legend">{legend}</div>'


def _on_the_right(panel: Panel) -> set[str]:
    return {
        override["matcher"]["options"]
        for override in panel["fieldConfig"]["overrides"]
        if {"id": "custom.axisPlacement", "value": "right"} in override["properties"]
    }


def _values(lines: Sequence[Line], right: bool) -> Iterator[float]:
    return (value for line in lines if line.right is right for _, value in line.points if math.isfinite(value))


def _stacked(lines: Sequence[Line]) -> Iterator[Line]:
    """Each on top of those before it."""
    below: dict[float, float] = {}
    for line in lines:
        below |= {at: below.get(at, 0.0) + value for at, value in line.points if math.isfinite(value)}
        yield Line(line.name, line.colour, [(at, below[at]) for at, value in line.points if math.isfinite(value)])


def _runs(points: Sequence[tuple[float, float]], step_s: float) -> Iterator[list[tuple[float, float]]]:
    """Points that follow each other without a gap."""
    run: list[tuple[float, float]] = []
    for at, value in points:
        if run and (not math.isfinite(value) or at - run[-1][0] > 1.5 * step_s):
            yield run
            run = []
        if math.isfinite(value):
            run.append((at, value))
    if run:
        yield run


def _path(
    run: Sequence[tuple[float, float]], line: Line, x: Callable[[float], float], y: Callable[..., float], filled: bool
) -> str:
    corners = [f"{x(at):.1f} {y(value, line.right):.1f}" for at, value in run]
    if len(corners) == 1:
        across, down = corners[0].split()
        return f'<circle cx="{across}" cy="{down}" r="2" fill="{line.colour}"/>'
    area = f"M{x(run[0][0]):.1f} {y(0):.1f}L{'L'.join(corners)}V{y(0):.1f}Z" if filled else ""
    body = f'<path d="{area}" fill="{line.colour}" opacity=".45"/>' if area else ""
    dashes = ' stroke-dasharray="5 3"' if line.right else ""
    return f'{body}<path d="M{"L".join(corners)}" fill="none" stroke="{line.colour}" stroke-width="1.5"{dashes}/>'


def _times(window: Window, x: Callable[[float], float], height: int) -> str:
    """The axis of time, and what began when."""
    whole = window.end_s - window.begin_s
    every = next(step for step in (10, 30, 60, 120, 300, 600, 1800, 3600, math.inf) if whole / step <= 6)
    first = math.ceil(window.begin_s / every) * every if every < math.inf else window.begin_s
    parts = []
    for number in range(int((window.end_s - first) / every) + 1):
        at = first + number * every
        text = f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"
        parts.append(f'<text x="{x(at):.1f}" y="{height - 4}" text-anchor="middle">{text}</text>')
    for at, colour in window.marks:
        path = f"M{x(at):.1f} {TOP}V{height - BOTTOM}"
        parts.append(f'<path class="mark" d="{path}" stroke="{NAMED[colour]}"/>')
    return "".join(parts)


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    return f'<svg width="{width}" height="{height}">{"".join(parts)}</svg>'


def _heat(panel: Panel, answers: Sequence[Answer], window: Window, width: int, height: int) -> str:
    """Each bucket is what is counted below its bound and not below the one before."""
    series = sorted((each for answer in answers for each in answer.series), key=lambda each: float(each.labels["le"]))
    counts = [{at: value for at, value in each.points if math.isfinite(value)} for each in series]
    cells = [
        {at: max(0.0, value - below.get(at, 0.0)) for at, value in count.items()}
        for below, count in pairwise([{}, *counts])
    ]
    most = max((value for row in cells for value in row.values()), default=0.0) or 1.0
    height -= LEGEND
    tall = (height - BOTTOM - TOP) / len(cells)
    x = window.between(LEFT, width - EDGE)
    wide = x(window.begin_s + window.step_s) - LEFT + 0.3
    parts = [_times(window, x, height)]
    for number, (row, each) in enumerate(zip(cells, series, strict=True)):
        top = height - BOTTOM - (number + 1) * tall
        bound = float(each.labels["le"])
        text = shown(bound, "s") if math.isfinite(bound) else "more"
        if number % 2 == 0:
            parts.append(f'<text x="{LEFT - 6}" y="{top + tall / 2 + 4:.1f}" text-anchor="end">{text}</text>')
        parts += [
            f'<rect x="{x(at) - wide:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}" '
            f'fill="hsl({260 - 215 * value / most:.0f} 85% 58%)"/>'
            for at, value in row.items()
            if value > 0 and at - window.step_s >= window.begin_s
        ]
    key = f"<span>violet: few, orange: up to {shown(most, 'reqps')}</span>"
    return f'{_svg(width, height, parts)}<div class="legend">{key}</div>'


def _states(panel: Panel, answers: Sequence[Answer], window: Window, width: int, height: int) -> str:
    words = {
        float(value): word for each in panel["fieldConfig"]["defaults"]["mappings"] for value, word in _words(each)
    }
    lanes = [(answer.name(series), series) for answer in answers for series in answer.series]
    left, tall = 150, (height - BOTTOM) / len(lanes)
    x = window.between(left, width - EDGE)
    parts = [_times(window, x, height)]
    for number, (name, series) in enumerate(sorted(lanes, key=lambda lane: lane[0])):
        top = number * tall
        parts.append(f'<text x="{left - 8}" y="{top + tall / 2 + 4:.1f}" text-anchor="end">{escape(name)}</text>')
        for value, begin, end in _stretches(series.points, window.step_s):
            text, colour = words[value]
            box = f'x="{x(begin):.1f}" y="{top + 1:.1f}" width="{x(end) - x(begin):.1f}" height="{tall - 3:.1f}"'
            parts.append(f'<rect {box} fill="{NAMED[colour]}" opacity=".75"/>')
            if x(end) - x(begin) > len(text) * 6.5:
                place = f'x="{(x(begin) + x(end)) / 2:.1f}" y="{top + tall / 2 + 4:.1f}"'
                parts.append(f'<text {place} text-anchor="middle" class="word">{escape(text)}</text>')
    return _svg(width, height, parts)


def _words(mapping: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str]]]:
    return ((value, (word["text"], word["color"])) for value, word in mapping["options"].items())


def _stretches(points: Sequence[tuple[float, float]], step_s: float) -> Iterator[tuple[float, float, float]]:
    """Value, begin and end of the times in which it stayed the same."""
    found: list[tuple[float, float, float]] = []
    for at, value in points:
        if found and found[-1][0] == value and at - found[-1][2] < 1.5 * step_s:
            found[-1] = (value, found[-1][1], at)
        else:
            found.append((value, at - step_s, at))
    return iter(found)


def _stat(panel: Panel, answers: Sequence[Answer], window: Window, width: int, height: int) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    figures = []
    for answer in answers:
        for series in answer.series:
            value = series.points[-1][1]
            steps = [step["color"] for step in defaults["thresholds"]["steps"] if value >= (step["value"] or -math.inf)]
            colour = NAMED[steps[-1]] if steps else "#ccccdc"
            figures.append(
                f"<div>{escape(answer.name(series))}"
                f'<b style="color:{colour}">{shown(value, defaults["unit"])}</b></div>'
            )
    return f'<div class="stat">{"".join(figures)}</div>'


_BODIES: Mapping[str, Callable[[Panel, Sequence[Answer], Window, int, int], str]] = {
    "timeseries": _lines,
    "heatmap": _heat,
    "state-timeline": _states,
    "stat": _stat,
}
