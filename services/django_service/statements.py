"""Spans of SQL statements, as the instrumentation of psycopg asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.trace import INVALID_SPAN, Span, Tracer, TracerProvider, get_current_span
from telemetry.libraries import failed


class Statements(TracerProvider):
    """Those of requests only; and an exception is the request's to record, or whoever's it is that handles it."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider

    def get_tracer(self, *args: Any, **options: Any) -> Tracer:
        return _Tracer(self._provider.get_tracer(*args, **options))


class _Tracer(Tracer):
    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def start_span(self, *args: Any, **options: Any) -> Span:
        return self._tracer.start_span(*args, **options)

    @contextmanager
    def start_as_current_span(self, *args: Any, **options: Any) -> Iterator[Span]:  # type: ignore[override]
        if get_current_span() is INVALID_SPAN:
            yield INVALID_SPAN
            return
        quiet = {**options, "record_exception": False, "set_status_on_exception": False}
        with self._tracer.start_as_current_span(*args, **quiet) as span:
            try:
                yield span
            except Exception as error:
                failed(span, error)
                raise
