"""What the operator reads of a replica's metrics."""

from __future__ import annotations

import math
import re

import pytest
from scaler.exposition import FAMILIES, sample
from scaler.samples import Sample
from shop.routes import OPERATIONS
from shop.settings import Role
from telemetry.metrics import Metrics

from lab.core import conventions

LATENCY_S = 0.25
PAGE = """\
# HELP http_server_active_requests Requests that the application works on now.
# TYPE http_server_active_requests gauge
http_server_active_requests{http_request_method="GET"} 3.0
http_server_active_requests{http_request_method="POST"} 1.0
http_server_request_duration_seconds_bucket{http_route="/a",http_response_status_code="200",le="0.1"} 60.0
http_server_request_duration_seconds_bucket{http_route="/a",http_response_status_code="200",le="0.25"} 80.0
http_server_request_duration_seconds_bucket{http_route="/a",http_response_status_code="200",le="+Inf"} 100.0
http_server_request_duration_seconds_count{http_route="/a",http_response_status_code="200"} 100.0
http_server_request_duration_seconds_sum{http_route="/a",http_response_status_code="200"} 20.0
http_server_request_duration_seconds_bucket{http_route="/{b}\\"}",http_response_status_code="503",le="0.1"} 2.0
http_server_request_duration_seconds_bucket{http_route="/{b}\\"}",http_response_status_code="503",le="0.25"} 4.0
http_server_request_duration_seconds_bucket{http_route="/{b}\\"}",http_response_status_code="503",le="+Inf"} 5.0
http_server_request_duration_seconds_count{http_route="/{b}\\"}",http_response_status_code="503"} 5.0
http_server_request_duration_seconds_sum{http_route="/{b}\\"}",http_response_status_code="503"} 1.0
http_server_queue_length{queue="accept"} 7.0
http_server_queue_length{queue="executor"} 2.0
http_server_workers 4
http_server_worker_busy_seconds_total 50
process_cpu_seconds_total 12.5 1700000000000
something_else{a="b"} 3
"""
READ = Sample(
    replica="a",
    at=1.0,
    in_flight=4.0,
    completed=105.0,
    failed=5.0,
    slow=21.0,
    service_s=21.0,
    queued=9.0,
    concurrency=4.0,
    workers=4.0,
    busy_s=50.0,
    cpu_s=12.5,
)


def without(name: str) -> str:
    return "".join(line for line in PAGE.splitlines(keepends=True) if not line.startswith(name))


def test_everything_that_is_told() -> None:
    assert sample("a", 1.0, PAGE, LATENCY_S) == READ


@pytest.mark.parametrize(
    ("page", "fields"),
    [
        (without("http_server_queue_length"), {"queued": None, "concurrency": None}),
        (without('http_server_queue_length{queue="executor"'), {"queued": 7.0, "concurrency": None}),
        (without("http_server_request_duration_seconds_bucket"), {"slow": None}),
        (without("process_cpu"), {"cpu_s": None}),
        (without("http_server_worker_busy"), {"busy_s": None}),
    ],
    ids=["no queue", "no queue for threads", "no buckets", "no CPU time", "no busy time"],
)
def test_what_is_not_told_is_not_known(page: str, fields: dict[str, float | None]) -> None:
    told = sample("a", 1.0, page, LATENCY_S)
    assert told
    assert {name: getattr(told, name) for name in fields} == fields


@pytest.mark.parametrize(
    "page",
    [
        "",
        "<html>not found</html>",
        without("http_server_active"),
        without("http_server_request_duration_seconds_count"),
    ],
    ids=["nothing", "another page", "nothing under way", "nothing completed"],
)
def test_who_tells_no_requests_tells_nothing(page: str) -> None:
    assert sample("a", 1.0, page, LATENCY_S) is None


@pytest.mark.parametrize("value", ["NaN", "x", "", "-1"])
def test_a_value_that_cannot_be_is_not_sound(value: str) -> None:
    told = sample("a", 1.0, without("http_server_workers") + f"http_server_workers {value}\n", LATENCY_S)
    assert told
    assert not told.sound()


def test_a_bucket_without_a_bound_is_none() -> None:
    told = sample("a", 1.0, PAGE.replace('le="0.1"', 'le="x"'), LATENCY_S)
    assert told == READ


@pytest.mark.parametrize(("latency_s", "slow"), [(0.1, 43.0), (0.2, 21.0), (0.25, 21.0), (9.0, 0.0)])
def test_slow_begins_with_the_bucket_that_the_objective_falls_into(latency_s: float, slow: float) -> None:
    told = sample("a", 1.0, PAGE, latency_s)
    assert told
    assert told.slow == slow


def test_our_services_tell_all_of_it_when_asked_by_name() -> None:
    metrics = Metrics("catalog", OPERATIONS[Role.CATALOG])
    metrics.watch_workers(4, lambda: 1.0)
    metrics.watch_queue("executor", lambda: 2.0)
    metrics.answered("GET", "/products", 200, 0.3)
    _, text = metrics.render("", FAMILIES)
    told = sample("a", 1.0, text.decode(), LATENCY_S)
    assert told
    assert (told.completed, told.slow, told.queued, told.concurrency) == (1, 1, 2, 4)
    assert told.cpu_s is not None
    assert math.isclose(told.service_s or 0, 0.3)


def test_names_are_the_conventions() -> None:
    known = {metric.name for metric in conventions.REQUIRED}
    bases = {re.sub("_(bucket|count|sum)$", "", name) for name in FAMILIES}
    assert bases <= known
