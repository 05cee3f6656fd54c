"""The receiver of spans: what it takes, what it refuses, and that it keeps what it took."""

from __future__ import annotations

import gzip
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from lab.core.trace import Kind
from lab.telemetry.receiver import MESSAGE_MAX_BYTES
from lab.telemetry.store import reading
from tests.ports import HOST
from tests.telemetry.receiving import Receiver, receiver
from tests.telemetry.sending import service, trace_id

PROTOBUF = {"Content-Type": "application/x-protobuf"}
GZIP = {**PROTOBUF, "Content-Encoding": "gzip"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiver(tmp_path_factory.mktemp("spans") / "spans.db") as started:
        yield started


def message(*spans: tuple[bytes, bytes, int]) -> bytes:
    """Of spans with that trace id, span id and begin."""
    request = ExportTraceServiceRequest()
    kept = request.resource_spans.add().scope_spans.add().spans
    for trace, span_id, start in spans:
        kept.add(trace_id=trace, span_id=span_id, start_time_unix_nano=start, name="made")
    return bytes(request.SerializeToString())


GOOD = message((b"t" * 16, b"s" * 8, 1))


@pytest.mark.parametrize(
    ("compression", "trace"),
    [(Compression.NoCompression, trace_id(1)), (Compression.Gzip, trace_id(2))],
    ids=["plain", "gzip"],
)
def test_what_the_sdk_sends_is_kept_as_it_was(running: Receiver, compression: Compression, trace: str) -> None:
    with (
        service(running.url, "orders", "one", trace, compression=compression) as tracer,
        tracer.start_as_current_span("POST /orders"),
        pytest.raises(ValueError, match="no stock"),
        tracer.start_as_current_span("check", attributes={"count": 3, "share": 0.5, "told": True, "names": ["a", "b"]}),
    ):
        raise ValueError("no stock")

    with reading(running.store) as reader:
        check, root = reader.spans(trace)
    assert (check.name, check.parent_id, check.failed) == ("check", root.span_id, True)
    assert (root.name, root.parent_id, root.failed) == ("POST /orders", "", False)
    assert check.error == "ValueError: no stock"
    assert check.attributes == {"count": 3, "share": 0.5, "told": True, "names": "a, b"}
    assert (root.role, root.variant, root.replica, root.kind) == ("orders", "one", "one-orders-1", Kind.INTERNAL)
    assert root.start_ns <= check.start_ns <= check.end_ns <= root.end_ns


ANSWERS = [
    # case, method, path, body, headers -> status
    ("spans", "POST", "/v1/traces", GOOD, PROTOBUF, 200),
    ("no spans", "POST", "/v1/traces", b"", PROTOBUF, 200),
    ("packed", "POST", "/v1/traces", gzip.compress(GOOD), GZIP, 200),
    ("in chunks", "POST", "/v1/traces", [GOOD[:9], GOOD[9:]], PROTOBUF, 200),
    ("ready", "GET", "/readyz", b"", {}, 200),
    ("garbage", "POST", "/v1/traces", b"garbage", PROTOBUF, 400),
    ("garbage in chunks", "POST", "/v1/traces", [b"gar", b"bage"], PROTOBUF, 400),
    ("garbage that is packed", "POST", "/v1/traces", gzip.compress(b"garbage"), GZIP, 400),
    ("not packed", "POST", "/v1/traces", GOOD, GZIP, 400),
    ("cut off", "POST", "/v1/traces", gzip.compress(GOOD)[:-9], GZIP, 400),
    ("no length", "POST", "/v1/traces", GOOD, {**PROTOBUF, "Content-Length": "x"}, 400),
    ("another protocol", "POST", "/v1/traces", GOOD, {**PROTOBUF, "Connection": "Upgrade", "Upgrade": "h2c"}, 400),
    ("elsewhere", "POST", "/v1/metrics", GOOD, PROTOBUF, 404),
    ("asked for", "GET", "/v1/traces", b"", {}, 405),
    ("too long", "POST", "/v1/traces", bytes(MESSAGE_MAX_BYTES + 1), PROTOBUF, 413),
    ("too long unpacked", "POST", "/v1/traces", gzip.compress(bytes(MESSAGE_MAX_BYTES + 1)), GZIP, 413),
    ("JSON", "POST", "/v1/traces", b"{}", {"Content-Type": "application/json"}, 415),
    ("packed otherwise", "POST", "/v1/traces", GOOD, {**PROTOBUF, "Content-Encoding": "br"}, 415),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"), [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS]
)
def test_answers(
    running: Receiver, method: str, path: str, body: bytes | list[bytes], headers: dict[str, str], status: int
) -> None:
    assert running.ask(method, path, body, headers)[0] == status


def test_a_sender_that_waits_to_be_told_to_go_on(running: Receiver) -> None:
    head = f"Content-Type: {PROTOBUF['Content-Type']}\r\nContent-Length: {len(GOOD)}\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection((HOST, running.port), timeout=5) as connection:
        connection.sendall(f"POST /v1/traces HTTP/1.1\r\n{head}".encode())
        with connection.makefile("rb") as answer:
            assert (answer.readline(), answer.readline()) == (b"HTTP/1.1 100 Continue\r\n", b"\r\n")
            connection.sendall(GOOD)
            assert answer.readline() == b"HTTP/1.1 200 OK\r\n"


def test_what_is_no_http_is_refused_and_cut(running: Receiver) -> None:
    with socket.create_connection((HOST, running.port), timeout=5) as connection:
        connection.sendall(b"\x16\x03\x01 a handshake of TLS")
        with connection.makefile("rb") as answer:
            assert answer.read().startswith(b"HTTP/1.1 400 ")


UNSOUND = [
    # case, span, id of a trace beside it
    ("a short trace id", (b"t", b"s" * 8, 1), b"1" * 16),
    ("no span id", (b"t" * 16, b"", 1), b"2" * 16),
    ("a time beyond all times", (b"t" * 16, b"s" * 8, 2**64 - 1), b"3" * 16),
]


@pytest.mark.parametrize(("unsound", "trace"), [case[1:] for case in UNSOUND], ids=[case[0] for case in UNSOUND])
def test_spans_that_are_none_are_counted_and_the_others_kept(
    running: Receiver, unsound: tuple[bytes, bytes, int], trace: bytes
) -> None:
    status, body = running.ask("POST", "/v1/traces", message(unsound, (trace, b"s" * 8, 1)), PROTOBUF)

    assert status == 200
    assert ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans == 1
    with reading(running.store) as reader:
        assert len(reader.spans(trace.hex())) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_what_was_answered_outlives_any_end(tmp_path: Path, number: signal.Signals) -> None:
    with receiver(tmp_path / "spans.db") as ended:
        for span in range(50):
            assert ended.ask("POST", "/v1/traces", message((b"t" * 16, bytes([span]) * 8, 1)), PROTOBUF)[0] == 200
        ended.process.send_signal(number)
        assert ended.process.wait(2) == (-number if number is signal.SIGKILL else 0)

    with reading(ended.store) as reader:
        assert len(reader.spans("74")) == 50
    left = [path.name for path in tmp_path.iterdir()]
    assert number is signal.SIGKILL or left == ["spans.db"]


def test_without_a_place_for_its_spans_it_says_so(tmp_path: Path, running: Receiver) -> None:
    argv = [sys.executable, "-m", "lab.telemetry", "--port", str(running.port), "--store"]

    for store in (tmp_path / "none" / "spans.db", tmp_path / "taken.db"):
        ended = subprocess.run([*argv, str(store)], capture_output=True, text=True, check=False, timeout=10)
        assert ended.returncode == 1
        assert ended.stderr.startswith(f"cannot receive spans on port {running.port} for {store}: ")
