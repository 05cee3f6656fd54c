"""What a replica counts of its own spans, and which settings it refuses to start with."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from prometheus_client import CollectorRegistry
from shop.settings import Role, Telemetry
from telemetry import setup, tracing

from tests.ports import HOST
from tests.services.made import settings

OFFICIAL = replace(settings(Role.PING), telemetry=Telemetry.OFFICIAL)
EXPORTED = "otel_sdk_exporter_span_exported_total"


@contextmanager
def collector(status: int) -> Iterator[str]:
    """Answers every message with this status."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with HTTPServer((HOST, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()


ANSWERS = [
    # the collector answers -> taken, not taken
    (200, 3.0, 0.0),
    (400, 0.0, 3.0),
]


@pytest.mark.parametrize(("status", "taken", "not_taken"), ANSWERS)
def test_spans_that_a_collector_refuses_do_not_count_as_taken(
    status: int, taken: float, not_taken: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = CollectorRegistry()
    with collector(status) as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        started = tracing.start(OFFICIAL, registry)
        for _ in range(3):
            started.provider.get_tracer("test").start_span("request").end()
        started.shutdown()
    assert registry.get_sample_value(EXPORTED, {"error_type": ""}) == taken
    assert registry.get_sample_value(EXPORTED, {"error_type": tracing.NOT_TAKEN}) == not_taken


def test_a_queue_that_is_shorter_than_a_batch_is_a_shorter_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "32")
    started = tracing.start(OFFICIAL, registry := CollectorRegistry())
    started.shutdown()
    assert registry.get_sample_value("otel_sdk_processor_span_queue_capacity") == 32


def test_a_queue_that_cannot_be_ends_the_start_with_every_problem(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {"OTEL_BSP_MAX_QUEUE_SIZE": "0", "OTEL_BSP_SCHEDULE_DELAY": "soon"}
    with pytest.raises(SystemExit, match="2"):
        setup.check(OFFICIAL, wrong)
    assert capsys.readouterr().err.splitlines() == [
        "OTEL_BSP_MAX_QUEUE_SIZE: '0' is not a whole number above 0",
        "OTEL_BSP_SCHEDULE_DELAY: 'soon' is not a whole number above 0",
    ]
