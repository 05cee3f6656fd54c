"""What a dashboard is, before it is in Grafana's words: rows of panels, and the queries of each. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from dashboards.empty import Empty

FULL_WIDTH = 24


class Kind(Enum):
    LINES = auto()
    STAT = auto()
    HEAT = auto()  # buckets over time, by `le`
    STATES = auto()  # `words` over time
    TRACES = auto()  # its one query is TraceQL
    TEXT = auto()  # its description is what it shows


@dataclass(frozen=True, slots=True)
class Query:
    """`legend` names each series by its labels: `{{pod}}`. `may_be_empty` says when nothing is a right answer.

    `exemplars` lead to traces. `right` has an axis of its own, in replicas.
    """

    expression: str
    legend: str
    may_be_empty: Empty | None = None
    exemplars: bool = False
    right: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """`unit` is Grafana's name of it. `limits` colour from a value on: yellow, then red; `words` are for whole values.

    `repeat` is the variable whose values get a panel each; to be compared they need a `maximum`, if not equal buckets.
    """

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = Kind.LINES
    width: int = 12
    height: int = 8
    maximum: float | None = None
    limits: tuple[float, ...] = ()
    words: tuple[tuple[str, str], ...] = ()  # text and colour of 0, 1, 2 ...
    stacked: bool = False
    repeat: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """Values are those of `label` in `selector`, or the `choices` (by name). `several`: any number of them, or all."""

    name: str
    title: str
    label: str = ""
    selector: str = ""
    choices: Mapping[str, str] | None = None
    several: bool = True

    @property
    def current(self) -> tuple[str, str]:
        """Name and value of the choice that it begins with."""
        assert self.choices
        return next(iter(self.choices.items()))


@dataclass(frozen=True, slots=True)
class Annotation:
    """Marks the times at which the expression has a series; `{{label}}` in `title` and `text` is that series'."""

    name: str
    expression: str
    title: str
    text: str
    colour: str
    may_be_empty: Empty | None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`question` is what it answers: its description. Its file and the end of its uid are its `name`."""

    name: str
    title: str
    question: str
    variables: tuple[Variable, ...]
    annotations: tuple[Annotation, ...]
    rows: tuple[Row, ...]
    range: str = "now-15m"


@dataclass(frozen=True, slots=True)
class Expression:
    """One that Prometheus is asked. `may_be_empty` is the reason for which no series is right; None: it never is."""

    dashboard: str
    panel: str
    expression: str
    may_be_empty: Empty | None

    def asked(self, values: Mapping[str, str]) -> str:
        """With the variables' values, by their names without `$`. Raises KeyError where one is missing."""
        return re.sub(r"\$\{?(\w+)\}?", lambda found: values[found[1]], self.expression)


def expressions(dashboard: Dashboard) -> Iterator[Expression]:
    """Of panels and annotations; variables with choices have the first one already."""
    chosen = {variable.name: variable.current[1] for variable in dashboard.variables if variable.choices}

    def made(panel: str, expression: str, may_be_empty: Empty | None) -> Expression:
        filled = re.sub(r"\$\{?(\w+)\}?", lambda found: chosen.get(found[1], found[0]), expression)
        return Expression(dashboard.title, panel, filled, may_be_empty)

    for row in dashboard.rows:
        for panel in row.panels:
            if panel.kind is not Kind.TRACES:
                for query in panel.queries:
                    yield made(panel.title, query.expression, query.may_be_empty)
    for annotation in dashboard.annotations:
        yield made(f"annotation {annotation.name}", annotation.expression, annotation.may_be_empty)
