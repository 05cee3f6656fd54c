"""Receives traces as a service sends them: OTLP over HTTP, protobuf, plain or gzip. What is not that is a problem."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from lab.core.conventions import EXCEPTION

PATH = "/v1/traces"
MEDIA_TYPE = "application/x-protobuf"
_POLL_S = 0.02

Attributes = Mapping[str, Any]


class Kind(Enum):
    INTERNAL = trace_pb2.Span.SPAN_KIND_INTERNAL
    SERVER = trace_pb2.Span.SPAN_KIND_SERVER
    CLIENT = trace_pb2.Span.SPAN_KIND_CLIENT
    PRODUCER = trace_pb2.Span.SPAN_KIND_PRODUCER
    CONSUMER = trace_pb2.Span.SPAN_KIND_CONSUMER


@dataclass(frozen=True, slots=True)
class Span:
    """`exceptions` are the attributes of the events that record one; `resource` those of what made the span."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: Kind
    attributes: Attributes
    failed: bool
    exceptions: tuple[Attributes, ...]
    resource: Attributes


class Receiver:
    """Listens at `host:port` once it is up, at a port of its own choice where that is 0; OSError where it cannot."""

    def __init__(self, host: str, port: int = 0) -> None:
        self._server = _Server((host, port), self)
        self._lock = threading.Lock()
        self._messages: list[bytes] = []
        self._spans: list[Span] = []
        self.problems: set[str] = set()
        self.url = f"http://{host}:{self._server.server_address[1]}"

    def spans(self) -> list[Span]:
        """All that were received so far."""
        with self._lock:
            messages, self._messages = self._messages, []
            self._spans += (span for message in messages for span in self._read(message))
            return list(self._spans)

    def trace(self, trace_id: str) -> list[Span]:
        return [span for span in self.spans() if span.trace_id == trace_id]

    def take(self, path: str, media_type: str, message: bytes) -> int:
        """The status of the answer. Messages are read when somebody asks for their spans."""
        if path != PATH:
            self.problems.add(f"sent to {path}, not {PATH}")
            return 404
        if media_type != MEDIA_TYPE:
            self.problems.add(f"sent as {media_type or 'no media type'}, not {MEDIA_TYPE}")
            return 415
        with self._lock:
            self._messages.append(message)
        return 200

    def _read(self, message: bytes) -> Iterable[Span]:
        try:
            request = ExportTraceServiceRequest.FromString(message)
        except DecodeError as error:
            self.problems.add(f"sent what is no ExportTraceServiceRequest: {error}")
            return
        for resource_spans in request.resource_spans:
            resource = _attributes(resource_spans.resource.attributes)
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    yield _span(span, resource)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), name="receiver", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], receiver: Receiver) -> None:
        self.receiver = receiver
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that ends in the middle of a message is no error of the receiver."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        message = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            message = gzip.decompress(message)
        status = self.server.receiver.take(self.path, self.headers.get_content_type(), message)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(status)
        self.send_header("Content-Type", MEDIA_TYPE)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """What matters becomes a span or a problem."""


def _span(span: trace_pb2.Span, resource: Attributes) -> Span:
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=Kind(span.kind or Kind.INTERNAL.value),
        attributes=_attributes(span.attributes),
        failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        exceptions=tuple(_attributes(event.attributes) for event in span.events if event.name == EXCEPTION),
        resource=resource,
    )


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else None
