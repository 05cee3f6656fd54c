"""What a load worker tells Prometheus while it works, and how much of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from lab.core.conventions import (
    BUCKETS_S,
    LOAD_COMPLETED,
    LOAD_LAG,
    LOAD_LATENCY,
    LOAD_OFFERED,
    LOAD_RETRIED,
    TRIAL_INFO,
    Label,
)
from lab.core.exposition import Exposition, parse, quantile, total
from lab.load.metrics import LoadMetrics
from lab.load.requests import Exchange, Kind
from lab.tree import contract_operations
from lab.workers.lines import Lines
from lab.workers.loads import Generator
from tests.load.server import PING, Answer, Server, make_load, reply
from tests.ports import HOST, free_port

Serve = Callable[[Answer], Server]

LOAD = make_load("http://127.0.0.1:1", state="a case of it", run="a run", trial="a trial", variant="a variant")


def exchange(latency_s: float, error: str | None = None) -> Exchange:
    return Exchange(0.0, Kind(PING, LOAD, contract_operations()), b"", b"", latency_s=latency_s, error=error)


def begun() -> LoadMetrics:
    metrics = LoadMetrics()
    metrics.begin(LOAD)
    return metrics


def told(metrics: LoadMetrics) -> Exposition:
    registry = CollectorRegistry()
    registry.register(metrics)
    return parse(generate_latest(registry).decode())


def outcomes(exposition: Exposition) -> dict[str, float]:
    return {
        series.label(Label.OUTCOME): count
        for series, count in exposition.counters.items()
        if series.name == LOAD_COMPLETED.name
    }


def test_requests_are_counted_as_they_leave_and_end() -> None:
    metrics = begun()
    metrics.add([0.0, 0.0, 0.0], [exchange(0.02)])
    metrics.add([0.004], [exchange(0.02), exchange(2.0, "timeout"), exchange(0.3, "status 503")])

    found = told(metrics)

    assert total(found.counters, LOAD_OFFERED.name) == 4
    assert outcomes(found) == {"ok": 2, "timeout": 1, "status 503": 1}
    assert total(found.counters, f"{LOAD_LATENCY.name}_count") == 4
    assert total(found.counters, f"{LOAD_LATENCY.name}_sum") == pytest.approx(2.34)
    assert total(found.counters, f"{LOAD_LAG.name}_sum") == pytest.approx(0.004)


def test_the_kind_of_success_is_there_from_the_start() -> None:
    assert outcomes(told(begun())) == {"ok": 0}


def test_what_a_target_makes_up_is_no_new_series() -> None:
    metrics = begun()
    metrics.add([], [exchange(0.1, f"status {status}") for status in (503, 599, 600, 999)])
    assert outcomes(told(metrics)) == {"ok": 0, "status 503": 1, "other": 3}


def test_a_request_that_was_sent_twice_is_counted_once_more() -> None:
    metrics = begun()
    again = exchange(0.1)
    again.resent = True
    metrics.add([], [again, exchange(0.1)])
    assert total(told(metrics).counters, LOAD_RETRIED.name) == 1


def test_each_variant_and_scenario_is_counted_by_itself_and_goes_on_from_where_it_was() -> None:
    metrics = begun()
    metrics.add([0.0], [])
    metrics.begin(replace(LOAD, variant="another"))
    metrics.add([0.0, 0.0], [])
    metrics.begin(LOAD)
    metrics.add([0.0, 0.0], [])
    offered = {
        (series.label(Label.VARIANT), series.label(Label.SCENARIO)): count
        for series, count in told(metrics).counters.items()
        if series.name == LOAD_OFFERED.name
    }
    assert offered == {("a variant", LOAD.scenario.name): 3, ("another", LOAD.scenario.name): 2}


@pytest.mark.parametrize("bound", BUCKETS_S)
def test_latencies_are_in_the_buckets_of_the_conventions(bound: float) -> None:
    metrics = begun()
    metrics.add([], [exchange(bound)])
    assert quantile(1.0, [told(metrics).counters], LOAD_LATENCY.name) == bound


def test_only_the_trial_that_runs_is_named() -> None:
    metrics = LoadMetrics()
    metrics.begin(LOAD)
    during = told(metrics).gauges
    metrics.end()

    assert {tuple(sorted(series.labels)): value for series, value in during.items()} == {
        (("run", "a run"), ("trial", "a trial"), ("variant", "a variant")): 1
    }
    assert told(metrics).gauges == {}


def test_a_worker_answers_while_it_works(serve: Serve) -> None:
    port = free_port()
    seen: list[Exposition] = []

    def scrape() -> None:
        with urlopen(f"http://{HOST}:{port}/metrics", timeout=5) as answer:
            seen.append(parse(answer.read().decode()))

    worker = Lines([sys.executable, "-m", "lab.load.worker", "--metrics-port", str(port)])
    try:
        worker.greet()
        load = make_load(serve(lambda _: reply()).url, rate_per_s=50, duration_s=0.8)
        measured = Generator([worker]).run(load, scrape)
        scrape()
    finally:
        worker.kill()

    assert total(seen[0].gauges, TRIAL_INFO.name) == 1
    assert (total(seen[-1].counters, LOAD_OFFERED.name), total(seen[-1].gauges, TRIAL_INFO.name)) == (40, None)
    assert outcomes(seen[-1]) == {"ok": measured.answered}
