"""What `/metrics` lacks, and what one request does to it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Exemplar
from shop.routes import OPERATIONS
from shop.settings import Role

from lab.contract.client import Client, NoAnswer, Request
from lab.contract.signals import Signal
from lab.core.conventions import (
    ACCEPT,
    ACTIVE,
    BUCKETS_S,
    CALLS,
    CONNECTIONS,
    DURATION,
    QUEUE_FULL,
    QUEUE_LENGTH,
    QUEUE_TIME,
    REQUIRED,
    SPANS_EXPORTED,
    SPANS_PROCESSED,
    STATES,
    TARGET,
    Label,
    Metric,
    Teller,
)
from lab.core.exposition import BOUND, Series, Values, parse
from lab.core.roles import WITH_DATABASE
from lab.errors import LabError

PATH = "/metrics"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
FAILURES = (500, 503)
TYPE_WITHOUT_SUFFIX = {"counter": "_total"}


@dataclass(frozen=True, slots=True)
class Exposed:
    """`text` in Prometheus' format; `values` are all samples that are numbers."""

    text: str
    values: Values

    def grown(self, before: Exposed) -> Values:
        """What changed since, by how much."""
        return {
            series: value - before.values.get(series, 0.0)
            for series, value in self.values.items()
            if value != before.values.get(series, 0.0)
        }


class Unreadable(LabError):
    """There are no metrics, or none that Prometheus could read."""


def request(media_type: str = "text/plain") -> Request:
    return Request("", "GET", PATH, (("Accept", media_type),))


def read(client: Client, *, buckets: bool = True) -> Exposed:
    """Without `buckets`, of which there are many, it is read ten times as fast. Raises Unreadable."""
    text = _text(client, "text/plain")
    if not buckets:
        text = "".join(line for line in text.splitlines(keepends=True) if "_bucket{" not in line)
    try:
        found = parse(text)
    except ValueError as error:
        raise Unreadable(f"{client.base_url}{PATH}: not Prometheus' text format: {error}") from error
    return Exposed(text, {**found.counters, **found.gauges})


def exemplars(client: Client) -> list[Exemplar]:
    """Of the durations of requests. Raises Unreadable."""
    text = _text(client, OPENMETRICS)
    try:
        families: list[Any] = list(openmetrics_families(text))  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise Unreadable(f"{client.base_url}{PATH}: not OpenMetrics: {error}") from error
    return [
        sample.exemplar
        for family in families
        if family.name == DURATION.name
        for sample in family.samples
        if sample.exemplar
    ]


def _text(client: Client, media_type: str) -> str:
    try:
        answer = client.send(request(media_type))
    except NoAnswer as error:
        raise Unreadable(f"{client.base_url}{PATH}: {error}") from error
    if answer.status != 200:
        raise Unreadable(f"{client.base_url}{PATH}: status {answer.status}")
    return answer.body.decode(errors="replace")


def of_role(role: str, *, traced: bool) -> list[Metric]:
    """Those that a service in this role must have."""
    tellers = {Teller.EVERYBODY}
    tellers |= {Teller.DATABASE} if role in WITH_DATABASE else set()
    tellers |= {Teller.ORDERS} if role == "orders" else set()
    tellers |= {Teller.TRACING} if traced else set()
    return [metric for metric in REQUIRED if metric.teller in tellers]


def lacking(exposed: Exposed, role: str, *, traced: bool) -> Iterator[tuple[str, str]]:
    """What is expected, and what was found instead."""
    types = _types(exposed.text)
    for metric in of_role(role, traced=traced):
        name = metric.name.removesuffix(TYPE_WITHOUT_SUFFIX.get(metric.type, ""))
        if name not in types:
            yield f"{metric.name}, a {metric.type}", "no such metric"
            continue
        if types[name] != metric.type:
            yield f"{metric.name}, a {metric.type}", f"a {types[name]}"
            continue
        yield from _wrong_labels(metric, exposed.values)
        if metric.type == "histogram":
            yield from _wrong_buckets(metric, exposed.values)
    yield from _missing_series(exposed.values, role, traced=traced)


def _types(text: str) -> Mapping[str, str]:
    return {family.name: family.type for family in text_string_to_metric_families(text)}


def _wrong_labels(metric: Metric, values: Values) -> Iterator[tuple[str, str]]:
    expected = {label.value for label in metric.labels}
    found = {frozenset(name for name, _ in series.labels) - {BOUND} for series in values if belongs(series, metric)}
    for labels in found - {frozenset(expected)}:
        shown = ", ".join(sorted(expected)) or "none"
        yield f"{metric.name} with the labels {shown}", f"with {', '.join(sorted(labels)) or 'none'}"


def _wrong_buckets(metric: Metric, values: Values) -> Iterator[tuple[str, str]]:
    expected = {*map(float, BUCKETS_S), math.inf}
    found = {float(series.label(BOUND)) for series in values if series.name == f"{metric.name}_bucket"}
    if found and found != expected:
        yield f"{metric.name} with the buckets {_shown(expected)}", _shown(found)


def _missing_series(values: Values, role: str, *, traced: bool) -> Iterator[tuple[str, str]]:
    """Of those that must be there from the start."""
    for operation in OPERATIONS[Role(role)]:
        for status in (operation.success, *FAILURES):
            yield from _missing(
                values,
                f"{DURATION.name}_count",
                {Label.METHOD: operation.method, Label.ROUTE: operation.route, Label.STATUS: str(status)},
            )
    yield from _missing(values, QUEUE_LENGTH.name, {Label.QUEUE: ACCEPT})
    yield from _missing(values, TARGET.name, {Label.SERVICE: role})
    if role in WITH_DATABASE:
        for state in sorted(STATES):
            yield from _missing(values, CONNECTIONS.name, {Label.STATE: state})
    if traced:
        for error in ("", QUEUE_FULL):
            yield from _missing(values, SPANS_PROCESSED.name, {Label.ERROR: error})
        yield from _missing(values, SPANS_EXPORTED.name, {Label.ERROR: ""})


def _missing(values: Values, name: str, labels: Mapping[Label, str]) -> Iterator[tuple[str, str]]:
    if not any(has(series, name, labels) for series in values):
        yield f"{series_text(name, labels)} from the start", "no such series"


def changes(signal: Signal, method: str, grown: Values) -> Iterator[tuple[str, str]]:
    """What a request ought to have changed in the metrics of its role and has not, or should not have and has."""
    right = {Label.METHOD: method, Label.ROUTE: signal.route, Label.STATUS: str(signal.status)}
    count = f"{DURATION.name}_count"
    if (by := _sum(grown, count, right)) != 1:
        yield f"{series_text(count, right)} grows by 1", f"by {by:g}"
    others = [series for series in grown if series.name == count and not has(series, count, right)]
    for series in others:
        yield "no other series of durations grows", f"{series_text(series.name, dict(series.labels))} did"
    if (by := _sum(grown, f"{QUEUE_TIME.name}_count")) != 1:
        yield f"{QUEUE_TIME.name}_count grows by 1", f"by {by:g}"
    if (by := _sum(grown, ACTIVE.name, {Label.METHOD: method})) != 0:
        yield f"{series_text(ACTIVE.name, {Label.METHOD: method})} is what it was before", f"it changed by {by:g}"
    if signal.below.calls:
        yield from _wrong_calls(signal, grown)


def _wrong_calls(signal: Signal, grown: Values) -> Iterator[tuple[str, str]]:
    count, calls = f"{CALLS.name}_count", signal.below.calls
    if signal.below.call_status is None:
        failed = [series for series in grown if series.name == count and series.label(Label.ERROR)]
        if not 1 <= sum(grown[series] for series in failed) <= calls:
            yield f"{count} with an {Label.ERROR} grows by 1 to {calls}", _grown_text(grown, count)
        return
    right = {Label.METHOD: "GET", Label.STATUS: str(signal.below.call_status), Label.ERROR: ""}
    if _sum(grown, count, right) != calls:
        yield f"{series_text(count, right)} grows by {calls}", _grown_text(grown, count)


def folds(exposed: Exposed, made_up: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Whatever a client makes up is in no label."""
    for word in made_up:
        shown = sorted({series.name for series in exposed.values if any(word in value for _, value in series.labels)})
        if shown:
            yield f"no series for {word}, which a client made up", f"one of {', '.join(shown)}"


def durations(exposed: Exposed) -> Values:
    """How many requests were counted so far."""
    return {series: value for series, value in exposed.values.items() if series.name == f"{DURATION.name}_count"}


def belongs(series: Series, metric: Metric) -> bool:
    if metric.type == "histogram":
        return series.name in {f"{metric.name}_{part}" for part in ("bucket", "count", "sum")}
    return series.name == metric.name


def has(series: Series, name: str, labels: Mapping[Label, str]) -> bool:
    return series.name == name and all(series.label(label) == value for label, value in labels.items())


def _sum(values: Values, name: str, labels: Mapping[Label, str] | None = None) -> float:
    return sum(value for series, value in values.items() if has(series, name, labels or {}))


def series_text(name: str, labels: Mapping[Label, str] | Mapping[str, str]) -> str:
    inside = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{inside}}}" if inside else name


def _grown_text(grown: Values, name: str) -> str:
    found = [
        f"{series_text(name, dict(series.labels))} by {by:g}" for series, by in grown.items() if series.name == name
    ]
    return "; ".join(found) or "nothing of it grew"


def _shown(bounds: Iterable[float]) -> str:
    return ", ".join(f"{bound:g}" for bound in sorted(bounds))
