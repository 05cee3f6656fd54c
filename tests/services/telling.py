"""`python telling.py VARIANT`: what a replica tells of some requests, as JSON; beside its own it has two paths more."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, format_span_id, format_trace_id
from shop.settings import Settings
from telemetry import logs
from telemetry.setup import Telemetry, start
from werkzeug.test import Client, EnvironBuilder

ASKED = [
    *("GET /ping", "HEAD /ping", "DELETE /ping", "GET /products/x", "PUT /products/1", "PATCH /products/1"),
    *("BREW /products", "GET /nothing/here", "BREW /nothing/here", "GET /products/1", "GET /fails/1", "GET /streams"),
]
WRONG_HOST = "a b_!c"
SERIES = "http_server_request_duration_seconds_count"


def parts(provider: TracerProvider) -> Iterator[bytes]:
    tracer = provider.get_tracer("test")
    for part in ("first part", "second part"):
        with tracer.start_as_current_span(part):
            yield part.encode()


def django(settings: Settings, telemetry: Telemetry) -> Any:
    from django_service.__main__ import load_app

    app = load_app(settings.role, telemetry)
    from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
    from django.urls import path
    from django_service.urls import urlpatterns

    def fails(request: HttpRequest, number: int) -> HttpResponse:
        return HttpResponse(str(number / 0))

    def streams(request: HttpRequest) -> StreamingHttpResponse:
        assert telemetry.tracing
        return StreamingHttpResponse(parts(telemetry.tracing.provider))

    urlpatterns += [path("fails/<int:number>", fails), path("streams", streams)]
    return app


def flask(settings: Settings, telemetry: Telemetry) -> Any:
    from flask import Response, stream_with_context
    from flask_service.app import create_app
    from flask_service.instrumentation import instrument

    app = create_app(settings, telemetry)

    @app.get("/fails/<int:number>")
    def fails(number: int) -> str:
        return str(number / 0)

    @app.get("/streams")
    def streams() -> Response:
        assert telemetry.tracing
        return Response(stream_with_context(parts(telemetry.tracing.provider)))

    return instrument(app, telemetry)


class Replica:
    def __init__(self, variant: str) -> None:
        settings = Settings.from_environ(os.environ)
        logs.configure(settings)
        self.telemetry = start(settings)
        assert self.telemetry.tracing
        self.exported = InMemorySpanExporter()
        self.telemetry.tracing.provider.add_span_processor(SimpleSpanProcessor(self.exported))
        self.client = Client({"django": django, "flask": flask}[variant](settings, self.telemetry))

    def series(self) -> dict[tuple[str, ...], float]:
        assert self.telemetry.metrics
        return {
            tuple(sample.labels[f"http_{name}"] for name in ("request_method", "route", "response_status_code")): (
                sample.value
            )
            for family in self.telemetry.metrics.registry.collect()
            for sample in family.samples
            if sample.name == SERIES
        }

    def tell(self, method: str, path: str, host: str = "localhost") -> dict[str, Any]:
        before, log = self.series(), StringIO()
        logging.getLogger().handlers[0].stream = log  # type: ignore[attr-defined]
        environ = EnvironBuilder(path, method=method).get_environ()
        environ["HTTP_HOST"] = host
        status = self.client.open(environ, buffered=True).status_code
        spans: tuple[ReadableSpan, ...] = self.exported.get_finished_spans()
        self.exported.clear()
        (server,) = (span for span in spans if span.kind is SpanKind.SERVER)
        ids = [format_trace_id(server.context.trace_id), format_span_id(server.context.span_id)]
        assert self.telemetry.metrics
        _, text = self.telemetry.metrics.render("application/openmetrics-text")
        return {
            "status": status,
            "span": server.name,
            "route": (server.attributes or {}).get("http.route", ""),
            "span_status": server.status.status_code.name,
            "exceptions": [
                (event.attributes or {})["exception.type"]
                for span in spans
                for event in span.events
                if event.name == "exception"
            ],
            "children": [span.name for span in spans if span.parent and span.parent.span_id == server.context.span_id],
            "ids": ids,
            "exemplar": ids[0].encode() in text,
            "series": [labels for labels, count in self.series().items() if count > before.get(labels, 0)],
            "logged": json.loads(log.getvalue().splitlines()[-1]) if log.getvalue() else None,
        }


if __name__ == "__main__":
    replica = Replica(sys.argv[1])
    requests = {asked: replica.tell(*asked.split()) for asked in ASKED}
    requests["GET /ping with a wrong host"] = replica.tell("GET", "/ping", WRONG_HOST)
    sys.stdout.write(json.dumps({"requests": requests}) + "\n")
    sys.stdout.flush()
    os._exit(0)  # what nobody receives is not sent
