"""What a replica exposes, read from Prometheus' text format: counters that grow, and gauges. Pure.

A histogram is counters: its cumulative buckets (`_bucket`, with the upper bound as label `le`), its sum and its count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

BOUND = "le"


@dataclass(frozen=True, slots=True)
class Scrape:
    """The text that a replica answered, at a time of the caller's monotonic clock."""

    replica: str
    at_s: float
    text: str


class Series(NamedTuple):
    name: str
    labels: frozenset[tuple[str, str]]

    def label(self, name: str) -> str:
        """Empty where it is missing, as Prometheus has it."""
        return dict(self.labels).get(name, "")


Values = Mapping[Series, float]


@dataclass(frozen=True, slots=True)
class Exposition:
    """`counters` only grow while the replica lives, `gauges` are all others; what is not a number is left out."""

    counters: Values
    gauges: Values

    def grown(self, before: Exposition) -> Values:
        """How much each counter grew since; the replica counted from 0 again if any of them went down or is gone."""
        restarted = any(self.counters.get(series, 0.0) < value for series, value in before.counters.items())
        start: Values = {} if restarted else before.counters
        return {series: value - start.get(series, 0.0) for series, value in self.counters.items()}


def parse(text: str) -> Exposition:
    """Raises ValueError when it is no such text, or has a bucket without a bound."""
    counters: dict[Series, float] = {}
    gauges: dict[Series, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            grows = family.type in ("counter", "histogram", "summary") and "quantile" not in sample.labels
            if grows and sample.name.endswith("_bucket"):
                _require_bound(sample.name, sample.labels.get(BOUND, ""))
            if not math.isnan(sample.value):
                (counters if grows else gauges)[Series(sample.name, frozenset(sample.labels.items()))] = sample.value
    return Exposition(counters, gauges)


def _require_bound(name: str, bound: str) -> None:
    if math.isnan(float(bound or "nan")):
        raise ValueError(f"{name} has no bound: its {BOUND} is {bound!r}")


def total(values: Values, name: str, keep: Callable[[Series], bool] = lambda _: True) -> float | None:
    """The sum over the series of that name that are to be kept; None when nothing has the name."""
    named = [series for series in values if series.name == name]
    return sum(values[series] for series in named if keep(series)) if named else None


def quantile(q: float, grown: Iterable[Values], name: str) -> float | None:
    """The quantile `q` of what a histogram observed, over all of its label sets; None when it observed nothing.

    As PromQL's histogram_quantile() estimates it: evenly spread within a bucket, the lowest of which begins at 0, and
    the highest finite bound for what lies beyond.
    https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
    """
    counts: dict[float, float] = {}
    for values in grown:
        for series, count in values.items():
            if series.name == f"{name}_bucket":
                bound = float(series.label(BOUND))
                counts[bound] = counts.get(bound, 0.0) + count
    rank = q * counts.get(math.inf, 0.0)
    if not rank:
        return None
    below, lower = 0.0, 0.0
    for bound, count in sorted(counts.items()):
        if bound == math.inf:
            break
        if count >= rank:
            return lower + (bound - lower) * (rank - below) / (count - below)
        below, lower = count, bound
    return lower
