"""What a replica tells of itself, without a replica: metrics of requests and calls, logs, and the kernel's queue."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from typing import Any

import pytest
from prometheus_client.samples import Sample
from serving.backlog import accept_queue_length
from serving.health import Health, Progress
from shop.routes import OPERATIONS
from shop.settings import Role
from telemetry import asgi, wsgi
from telemetry.logs import SPAN_OF_ERROR, JSONFormatter
from telemetry.metrics import ClientRequest, Metrics
from telemetry.runtime import Busy

from tests.polling import until

DURATION = "http_server_request_duration_seconds_count"
ACTIVE = "http_server_active_requests"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("catalog", OPERATIONS[Role.CATALOG])


def samples(metrics: Metrics, name: str) -> list[Sample]:
    return [sample for family in metrics.registry.collect() for sample in family.samples if sample.name == name]


def counted(metrics: Metrics) -> dict[tuple[str, str, str], float]:
    """Answered requests by method, route and status, those that are 0 left out."""
    labels = ("http_request_method", "http_route", "http_response_status_code")
    return {
        (found.labels[labels[0]], found.labels[labels[1]], found.labels[labels[2]]): found.value
        for found in samples(metrics, DURATION)
        if found.value
    }


# Requests

ANSWERED = [
    # method, route, status -> labels
    ("GET", "/products", 200, ("GET", "/products", "200")),
    ("HEAD", "/products", 200, ("HEAD", "/products", "200")),
    ("GET", "", 404, ("GET", "", "404")),
    ("BREW", "", 405, ("_OTHER", "", "405")),
    ("get", "/products", 200, ("_OTHER", "/products", "200")),
]


@pytest.mark.parametrize(("method", "route", "status", "labels"), ANSWERED)
def test_a_request_is_counted_once(
    method: str, route: str, status: int, labels: tuple[str, str, str], metrics: Metrics
) -> None:
    metrics.answered(method, route, status, 0.003)
    assert counted(metrics) == {labels: 1.0}


def test_what_a_role_answers_is_there_before_anybody_asks(metrics: Metrics) -> None:
    routes = {
        (found.labels["http_request_method"], found.labels["http_route"], found.labels["http_response_status_code"])
        for found in samples(metrics, DURATION)
        if found.value == 0
    }
    assert {("POST", "/products", "201"), ("POST", "/products", "500"), ("POST", "/products", "503")} <= routes
    assert len(routes) == 3 * len(OPERATIONS[Role.CATALOG])


def test_methods_that_nobody_defined_share_one_series(metrics: Metrics) -> None:
    before = len(list(samples(metrics, DURATION))), len(samples(metrics, ACTIVE))
    for number in range(100):
        metrics.active[number] = f"METHOD{number}"
        metrics.answered(f"METHOD{number}", "", 404, 0.001)
    assert (len(samples(metrics, DURATION)), len(samples(metrics, ACTIVE))) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize(
    ("accept", "media_type", "has_exemplar"),
    [
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text", True),
        ("", "text/plain", False),
    ],
)
def test_exemplars_are_told_to_those_who_ask_for_openmetrics(
    accept: str, media_type: str, has_exemplar: bool, metrics: Metrics
) -> None:
    metrics.answered("GET", "/ping", 200, 0.003, {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f0"})
    told, text = metrics.render(accept)
    assert told.startswith(media_type)
    assert (b'trace_id="4bf92f3577b34da6a3ce929d0e0e4736"' in text) is has_exemplar


def test_only_what_is_asked_for_is_told(metrics: Metrics) -> None:
    status, _, body = Health(Progress(), metrics).answer(f"/metrics?name[]={ACTIVE}&name[]={DURATION}", "")
    told = {line.partition("{")[0] for line in body.decode().splitlines() if not line.startswith("#")}
    assert (status, told) == (200, {ACTIVE, DURATION})


# Applications


class Fault(Exception):
    pass


Sent = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def answers_async(scope: Any, receive: Any, send: Sent) -> None:
    scope["route"] = "/products"
    await send({"type": "http.response.start", "status": 201, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def fails_async(scope: Any, receive: Any, send: Sent) -> None:
    raise Fault


def answers(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    environ[wsgi.ROUTE_KEY] = "/products"
    start_response("201 Created", [])
    return [b"{}"]


def fails(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    raise Fault


def fails_later(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    yield b"{"
    raise Fault


def ask_async(app: Any, metrics: Metrics) -> None:
    async def receive() -> MutableMapping[str, Any]:
        return {}

    async def send(message: MutableMapping[str, Any]) -> None:
        pass

    measured = asgi.Measured(app, metrics, lambda scope: scope.get("route", ""))
    asyncio.run(measured({"type": "http", "method": "GET", asgi.RECEIVED_KEY: 0.0}, receive, send))


def _start_response(status: str, headers: Any, exc_info: Any = None, /) -> Callable[[bytes], object]:
    return len


def ask(app: Any, metrics: Metrics) -> None:
    answer = wsgi.Measured(app, metrics)({"REQUEST_METHOD": "GET"}, _start_response)
    try:
        for _ in answer:
            assert sum(found.value for found in samples(metrics, ACTIVE)) == 1.0
    finally:
        answer.close()  # type: ignore[attr-defined] # as every server does


APPLICATIONS = [
    # case, how it is asked, application -> labels, fails
    ("asgi answers", ask_async, answers_async, ("GET", "/products", "201"), False),
    ("asgi fails", ask_async, fails_async, ("GET", "", "500"), True),
    ("wsgi answers", ask, answers, ("GET", "/products", "201"), False),
    ("wsgi fails", ask, fails, ("GET", "", "500"), True),
    ("wsgi fails after it began to answer", ask, fails_later, ("GET", "", "200"), True),
]


@pytest.mark.parametrize(
    ("asked", "app", "labels", "fault"), [case[1:] for case in APPLICATIONS], ids=[case[0] for case in APPLICATIONS]
)
def test_an_application_is_measured_however_it_ends(
    asked: Callable[[Any, Metrics], None], app: Any, labels: tuple[str, str, str], fault: bool, metrics: Metrics
) -> None:
    try:
        asked(app, metrics)
    except Fault:
        assert fault
    assert counted(metrics) == {labels: 1.0}
    assert {found.value for found in samples(metrics, ACTIVE)} == {0.0}


def test_time_in_the_servers_queue_is_told_apart(metrics: Metrics) -> None:
    ask_async(answers_async, metrics)
    assert [found.value for found in samples(metrics, "http_server_queue_time_seconds_count")] == [1.0]


CALLS = [
    # what happens in the call -> status, error_type
    (200, None, ("200", "")),
    (503, None, ("503", "")),
    (None, TimeoutError, ("", "TimeoutError")),
    (200, ValueError, ("200", "")),  # an answer that came, and was of no use
]


@pytest.mark.parametrize(("status", "error", "labels"), CALLS)
def test_a_call_has_a_status_or_an_error(
    status: int | None, error: type[Exception] | None, labels: tuple[str, str], metrics: Metrics
) -> None:
    with suppress(TimeoutError, ValueError), ClientRequest(metrics.client(), "GET", "http://127.0.0.1:8000/a") as call:
        call.status = status
        if error:
            raise error
    (found,) = samples(metrics, "http_client_request_duration_seconds_count")
    assert (found.labels["http_response_status_code"], found.labels["error_type"]) == labels
    assert (found.labels["server_address"], found.labels["server_port"]) == ("127.0.0.1", "8000")


# Time and queues


def test_threads_that_are_busy_now_are_counted_up_to_now() -> None:
    times = iter([10.0, 11.0, 13.0, 15.0])
    busy = Busy(lambda: next(times))
    busy.begin()  # at 10
    busy.begin()  # at 11
    busy.end()  # at 13
    assert busy.seconds() == 7.0  # at 15: one of 10 to 15, and one of 11 to 13, or the other way round


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how long its queue is")
def test_connections_that_wait_for_the_server_are_seen() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        assert accept_queue_length(listener) == 0
        clients = [socket.create_connection(listener.getsockname()) for _ in range(5)]
        until(lambda: accept_queue_length(listener) == 5, 2, "five connections in the queue")
        listener.accept()[0].close()
        assert accept_queue_length(listener) == 4
        for client in clients:
            client.close()
    assert accept_queue_length(listener) == 0


# Logs


def logged(record: logging.LogRecord) -> dict[str, Any]:
    formatter = JSONFormatter({"role": "catalog", "variant": "tested"}, lambda: {"trace_id": "1", "span_id": "2"})
    line = formatter.format(record)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_is_one_object_with_what_a_reader_must_know() -> None:
    line = logged(logging.LogRecord("shop", logging.WARNING, "", 0, "two\nlines of %s", ("größe",), None))
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "shop",
        "message": "two\nlines of größe",
        "role": "catalog",
        "variant": "tested",
        "trace_id": "1",
        "span_id": "2",
    }


def test_an_exception_is_told_with_its_own_span() -> None:
    try:
        raise Fault("gone")
    except Fault as error:
        setattr(error, SPAN_OF_ERROR, {"trace_id": "3", "span_id": "4"})
        line = logged(logging.LogRecord("shop", logging.ERROR, "", 0, "failed", None, sys.exc_info()))
    assert (line["exception_type"], line["exception_message"]) == (f"{__name__}.Fault", "gone")
    assert line["exception_stacktrace"].endswith("Fault: gone\n")
    assert (line["trace_id"], line["span_id"]) == ("3", "4")
