"""What frameworks on WSGI tell of requests, in the contract's words whatever their own: in metrics and in spans."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django_service.statements import Statements
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

FOLDER = Path(__file__).parent
VARIANTS = ("django", "flask")
NOWHERE = "postgresql://lab@/shop?host=/nonexistent"


@pytest.fixture(scope="module", params=VARIANTS)
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one replica told of the requests of `telling.py`."""
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_bytes(b"k" * 32)
    environ = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "LAB_ROLE": "catalog",
        "LAB_PORT": "1",
        "LAB_METRICS_PORT": "2",
        "LAB_TELEMETRY": "official",
        "LAB_TOKEN_KEY_FILE": str(key),
        "DATABASE_URL": NOWHERE,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    }
    argv = [sys.executable, str(FOLDER / "telling.py"), request.param]
    ended = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


REQUESTS = [
    # request                     status  span                            route of span and metric    method of metric
    ("GET /ping",                    200, "GET /ping",                    "/ping",                    "GET"),
    ("HEAD /ping",                   200, "HEAD /ping",                   "/ping",                    "HEAD"),
    ("GET /products/x",              422, "GET /products/{product_id}",   "/products/{product_id}",   "GET"),
    ("PUT /products/1",              401, "PUT /products/{product_id}",   "/products/{product_id}",   "PUT"),
    ("PATCH /products/1",            405, "PATCH /products/{product_id}", "/products/{product_id}",   "PATCH"),
    ("DELETE /ping",                 405, "DELETE /ping",                 "/ping",                    "DELETE"),
    ("BREW /products",               405, "HTTP /products",               "/products",                "_OTHER"),
    ("GET /nothing/here",            404, "GET",                          "",                         "GET"),
    ("BREW /nothing/here",           404, "HTTP",                         "",                         "_OTHER"),
    ("GET /products/1",              503, "GET /products/{product_id}",   "/products/{product_id}",   "GET"),
    ("GET /fails/1",                 500, "GET /fails/{number}",          "/fails/{number}",          "GET"),
    ("GET /streams",                 200, "GET /streams",                 "/streams",                 "GET"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "status", "span", "route", "method"), REQUESTS, ids=[row[0] for row in REQUESTS])
def test_a_request_is_named_by_the_contracts_path(
    told: dict[str, Any], asked: str, status: int, span: str, route: str, method: str
) -> None:
    found = told["requests"][asked]
    assert (found["status"], found["span"], found["route"]) == (status, span, route)
    assert found["series"] == [[method, route, str(status)]]


FAILURES = [
    # request              status of span   exceptions recorded
    ("GET /ping",             "UNSET",      []),
    ("PUT /products/1",       "UNSET",      []),
    ("GET /products/1",       "ERROR",      []),
    ("GET /fails/1",          "ERROR",      ["ZeroDivisionError"]),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "status", "exceptions"), FAILURES, ids=[row[0] for row in FAILURES])
def test_a_failure_is_one_and_is_recorded_once(
    told: dict[str, Any], asked: str, status: str, exceptions: list[str]
) -> None:
    found = told["requests"][asked]
    assert (found["span_status"], found["exceptions"]) == (status, exceptions)


def test_what_a_stream_does_belongs_to_its_request(told: dict[str, Any]) -> None:
    assert told["requests"]["GET /streams"]["children"] == ["first part", "second part"]


def test_a_requests_duration_leads_to_its_trace(told: dict[str, Any]) -> None:
    assert all(found["exemplar"] for found in told["requests"].values())


def test_a_log_line_leads_to_its_trace(told: dict[str, Any]) -> None:
    line = told["requests"]["GET /fails/1"]["logged"]
    assert line["exception_type"] == "builtins.ZeroDivisionError"
    assert (line["trace_id"], line["span_id"]) == tuple(told["requests"]["GET /fails/1"]["ids"])


def test_a_host_that_is_none_is_served_all_the_same(told: dict[str, Any]) -> None:
    assert told["requests"]["GET /ping with a wrong host"]["status"] == 200


class RefusedError(Exception):
    """As psycopg's, with a value of the statement."""

    sqlstate = "23505"


@pytest.fixture
def provider() -> TracerProvider:
    return TracerProvider(shutdown_on_exit=False)


def test_a_statement_outside_of_requests_has_no_span(provider: TracerProvider) -> None:
    with Statements(provider).get_tracer("statements").start_as_current_span("LISTEN") as span:
        assert not span.is_recording()


def test_a_statement_that_fails_tells_neither_values_nor_what_its_request_tells(provider: TracerProvider) -> None:
    spans = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    statements = Statements(provider).get_tracer("statements")
    with (
        provider.get_tracer("requests").start_as_current_span("POST /products"),
        pytest.raises(RefusedError),
        statements.start_as_current_span("INSERT", kind=SpanKind.CLIENT),
    ):
        raise RefusedError("Key (sku)=(GAR-1) already exists")
    insert = spans.get_finished_spans()[0]
    assert (insert.name, insert.attributes, insert.events) == ("INSERT", {"error.type": "23505"}, ())
    assert (insert.status.status_code, insert.status.description) == (StatusCode.ERROR, None)
