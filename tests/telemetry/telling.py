"""The reference service, telling of itself what `runtime.md` asks for, so that the check of that can be checked.

Tests override what they break. Spans are written down and sent by hand, each request's before it is answered.
"""

from __future__ import annotations

import http.client
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from shop.orders import Offer
from shop.problems import Problem, unavailable
from shop.routes import OPERATIONS
from shop.settings import Role

from lab.contract.telemetry_metrics import of_role
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
    SPANS_EXPORTED,
    SPANS_PROCESSED,
    STATES,
    TARGET,
    Attribute,
    Metric,
    Resource,
)
from tests.contract.reference_server import serving
from tests.contract.reference_service import PATHS, Answer, Request, Shop, _offer
from tests.ports import HOST

CLIENT, SERVER = Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER
KINDS: Mapping[str, Any] = {"histogram": partial(Histogram, buckets=BUCKETS_S), "gauge": Gauge, "counter": Counter}
WITHOUT_DATA = {"/ping", ""}
REFUSED_BEFORE_DATA = {400, 401, 403, 405, 411, 413, 415, 422}


class Telling(Shop):
    """`otlp_url` is where spans go."""

    def __init__(self, role: str, catalog_url: str, otlp_url: str) -> None:
        super().__init__(role, catalog_url)
        self.otlp = urlsplit(otlp_url)
        self.registry = CollectorRegistry()
        self.told: dict[str, Any] = {
            metric.name: KINDS[metric.type](metric.name, "What it says.", metric.labels, registry=self.registry)
            for metric in of_role(role, traced=True)
        }
        self.begin_at_0()

    def begin_at_0(self) -> None:
        for operation in OPERATIONS[Role(self.role)]:
            for status in (operation.success, 500, 503):
                self.metric(DURATION).labels(operation.method, operation.route, status)
        self.metric(QUEUE_LENGTH).labels(ACCEPT)
        self.metric(TARGET).labels(self.role, "1")
        for metric in (SPANS_PROCESSED, SPANS_EXPORTED):
            for error_type in ("", QUEUE_FULL):
                self.metric(metric).labels(error_type)
        if self.role != "ping":
            for state in STATES:
                self.metric(CONNECTIONS).labels("pool", state)

    def metric(self, metric: Metric) -> Any:
        return self.told[metric.name]

    def answer(self, request: Request) -> Answer:
        begin = time.perf_counter()
        self.metric(QUEUE_TIME).observe(0.0)
        active = self.metric(ACTIVE).labels(request.method)
        active.inc()
        server = self.span(SERVER, request.method, self.parent(request))
        self.server, self.spans = server, [server]
        status, document, headers = super().answer(request)
        route = self.route(request)
        if route not in WITHOUT_DATA and status not in REFUSED_BEFORE_DATA:
            self.spans.append(self.statement(request))
        self.describe(server, request, route, status)
        active.dec()
        duration = self.metric(DURATION).labels(request.method, route, status)
        duration.observe(time.perf_counter() - begin, self.exemplar(server))
        self.send(self.spans)
        return status, document, headers

    def route(self, request: Request) -> str:
        """The contract's path."""
        parts = request.path.split("/")
        for template in ("/ping", *PATHS.get(self.role, {})):
            pattern = template.split("/")
            if len(pattern) == len(parts) and all(
                one == other or one.startswith("{") for one, other in zip(pattern, parts, strict=True)
            ):
                return template
        return ""

    def parent(self, request: Request) -> tuple[bytes, bytes]:
        """The ids of trace and span that the request names."""
        found = (request.headers.get("traceparent") or "").split("-")
        return (bytes.fromhex(found[1]), bytes.fromhex(found[2])) if len(found) == 4 else (secrets.token_bytes(16), b"")

    def exemplar(self, span: Span) -> Mapping[str, str]:
        return {"trace_id": span.trace_id.hex(), "span_id": span.span_id.hex()}

    def span(self, kind: Any, name: str, parent: tuple[bytes, bytes]) -> Span:
        now = time.time_ns()
        return Span(
            trace_id=parent[0],
            span_id=secrets.token_bytes(8),
            parent_span_id=parent[1],
            name=name,
            kind=kind,
            start_time_unix_nano=now,
            end_time_unix_nano=now,
        )

    def below(self, name: str) -> Span:
        return self.span(CLIENT, name, (self.server.trace_id, self.server.span_id))

    def statement(self, request: Request) -> Span:
        span = self.below("SELECT product")
        put(span, {Attribute.SYSTEM: "postgresql", Attribute.QUERY: "SELECT * FROM product WHERE id = $1"})
        return span

    def describe(self, span: Span, request: Request, route: str, status: int) -> None:
        span.name = f"{request.method} {route}".rstrip()
        put(
            span,
            {
                Attribute.METHOD: request.method,
                Attribute.STATUS: status,
                Attribute.PATH: request.path,
                Attribute.SCHEME: "http",
                **({Attribute.ROUTE: route} if route else {}),
                **({Attribute.ERROR: str(status)} if status >= 500 else {}),
            },
        )
        if status >= 500:
            span.status.code = Status.STATUS_CODE_ERROR

    def offer(self, product_id: int) -> Offer:
        span = self.below("GET")
        self.spans.append(span)
        put(
            span,
            {
                Attribute.METHOD: "GET",
                Attribute.SERVER: self.catalog.hostname or "",
                Attribute.URL: f"{self.catalog.geturl()}/products/{product_id}",
            },
        )
        connection = http.client.HTTPConnection(self.catalog.hostname or "", self.catalog.port, timeout=10)
        try:
            connection.request("GET", f"/products/{product_id}", headers=self.passed_on(span))
            response = connection.getresponse()
        except OSError as error:
            span.status.code = Status.STATUS_CODE_ERROR
            self.called("", type(error).__name__)
            raise unavailable(str(error)) from None
        put(span, {Attribute.STATUS: response.status})
        self.called(str(response.status), "")
        if response.status != 200:
            raise Problem("product-unknown", "The catalog does not have it")
        return _offer(json.loads(response.read()))

    def called(self, status: str, error_type: str) -> None:
        server = (self.catalog.hostname, self.catalog.port)
        self.metric(CALLS).labels("GET", *server, status, error_type).observe(0.001)

    def passed_on(self, span: Span) -> dict[str, str]:
        return {"traceparent": f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01"}

    def resource(self) -> Mapping[str, str]:
        return {Resource.SERVICE: self.role, Resource.VERSION: "1"}

    def send(self, spans: list[Span]) -> None:
        message = ExportTraceServiceRequest()
        told = message.resource_spans.add()
        for key, value in self.resource().items():
            told.resource.attributes.add(key=key).value.string_value = value
        told.scope_spans.add().spans.extend(spans)
        self.post(message.SerializeToString())

    def post(self, message: bytes | Sequence[bytes], encoding: str = "identity") -> None:
        """In chunks, where the message is in parts."""
        connection = http.client.HTTPConnection(self.otlp.hostname or "", self.otlp.port, timeout=10)
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": encoding}
        try:
            connection.request("POST", self.otlp_path(), message, headers)
            connection.getresponse().read()
        except ConnectionError:
            """Nobody receives, as it may be."""
        finally:
            connection.close()

    def otlp_path(self) -> str:
        return "/v1/traces"

    def exposed(self, text: str) -> str:
        """What /metrics answers; `text` is as it should be."""
        return text


def put(span: Span, attributes: Mapping[Attribute, str | int]) -> None:
    for key, value in attributes.items():
        pair = span.attributes.add(key=key)
        if isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.string_value = value


@contextmanager
def telling(shop: Telling) -> Iterator[tuple[str, str]]:
    """The URLs of `shop` as a running service, and of its metrics."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            encode, media_type = choose_encoder(self.headers.get("Accept", ""))
            body = shop.exposed(encode(shop.registry).decode()).encode()
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Tests say what matters."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        with serving(shop) as url:
            yield url, f"http://{HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
