"""Prometheus' text as values: counters, what they grew by, and quantiles of histograms."""

from __future__ import annotations

import math

import pytest

from lab.core.exposition import Series, Values, parse, quantile, total

TEXT = """\
# TYPE requests_total counter
requests_total{route="/a"} 5
requests_total{route="/b"} 7
# TYPE duration_seconds histogram
duration_seconds_bucket{le="0.1"} 3
duration_seconds_bucket{le="+Inf"} 4
duration_seconds_sum 1.5
duration_seconds_count 4
# TYPE active gauge
active 2
# TYPE unknown gauge
unknown NaN
"""


def test_counters_and_gauges_are_told_apart() -> None:
    found = parse(TEXT)
    names = {"requests_total", "duration_seconds_bucket", "duration_seconds_sum", "duration_seconds_count"}
    assert {series.name for series in found.counters} == names
    assert found.gauges == {Series("active", frozenset()): 2}


def test_a_total_is_over_all_series_or_those_to_be_kept() -> None:
    counters = parse(TEXT).counters
    assert total(counters, "requests_total") == 12
    assert total(counters, "requests_total", lambda series: series.label("route") == "/b") == 7
    assert total(counters, "requests_total", lambda series: series.label("route") == "/c") == 0
    assert total(counters, "others_total") is None


@pytest.mark.parametrize("text", ["<html>", 'x{a="1} 2\n', "x two\n"])
def test_what_is_no_exposition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(text)


BOUNDS = [("missing", ""), ("empty", 'le=""'), ("a word", 'le="all"'), ("not a number", 'le="NaN"')]


@pytest.mark.parametrize("label", [case[1] for case in BOUNDS], ids=[case[0] for case in BOUNDS])
def test_a_bucket_needs_a_bound(label: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(f"# TYPE duration_seconds histogram\nduration_seconds_bucket{{{label}}} 3\n")


GROWN = [
    # case                                   before                  now                        grown by
    ("grew", {"a": 3, "b": 1}, {"a": 5, "b": 1}, {"a": 2, "b": 0}),
    ("a series that appeared", {"a": 3}, {"a": 5, "b": 4}, {"a": 2, "b": 4}),
    ("one went down: all began again", {"a": 3, "b": 9}, {"a": 5, "b": 1}, {"a": 5, "b": 1}),
    ("one is gone: all began again", {"a": 3, "b": 9}, {"a": 5}, {"a": 5}),
    ("one that was 0 is gone", {"a": 3, "b": 0}, {"a": 5}, {"a": 2}),
]


@pytest.mark.parametrize(("before", "now", "grown"), [case[1:] for case in GROWN], ids=[case[0] for case in GROWN])
def test_growth(before: dict[str, float], now: dict[str, float], grown: dict[str, float]) -> None:
    def text(values: dict[str, float]) -> str:
        return "".join(f"# TYPE {name}_total counter\n{name}_total {value}\n" for name, value in values.items())

    found = parse(text(now)).grown(parse(text(before)))
    assert {series.name.removesuffix("_total"): value for series, value in found.items()} == grown


INF = math.inf
QUANTILES = [
    # case                                         q     cumulative buckets                            quantile
    ("in the middle of a bucket", 0.5, {0.1: 0, 0.2: 10, INF: 10}, 0.15),
    ("at the end of a bucket", 0.5, {0.1: 5, 0.2: 10, INF: 10}, 0.1),
    ("the lowest bucket begins at 0", 0.5, {0.1: 10, 0.2: 10, INF: 10}, 0.05),
    ("empty buckets are passed over", 0.9, {0.1: 5, 0.2: 5, 0.3: 5, 0.4: 15, INF: 15}, 0.385),
    ("beyond the last bound it is that bound", 0.99, {0.1: 5, 0.2: 5, INF: 10}, 0.2),
    ("nothing was observed", 0.99, {0.1: 0, INF: 0}, None),
    ("no such histogram", 0.99, {}, None),
]


@pytest.mark.parametrize(("q", "buckets", "expected"), [case[1:] for case in QUANTILES], ids=[c[0] for c in QUANTILES])
def test_quantiles_are_those_of_prometheus(q: float, buckets: dict[float, float], expected: float | None) -> None:
    assert quantile(q, [bucket_values(buckets)], "duration_seconds") == (expected and pytest.approx(expected))


def test_a_quantile_is_over_all_label_sets_and_replicas() -> None:
    some, others = bucket_values({0.1: 8, INF: 8}, route="/a"), bucket_values({0.1: 0, INF: 8}, route="/b")
    assert quantile(0.25, [{**some, **others}, some], "duration_seconds") == pytest.approx(0.0375)


def bucket_values(buckets: dict[float, float], **labels: str) -> Values:
    return {
        Series("duration_seconds_bucket", frozenset({**labels, "le": f"{bound:g}"}.items())): count
        for bound, count in buckets.items()
    }
