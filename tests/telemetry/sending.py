"""Spans as a service sends them, by OpenTelemetry's own SDK and exporter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Tracer, format_trace_id

MS = 1_000_000


class KnownTraces(RandomIdGenerator):
    """Gives traces the ids that a test chose, in turn, and random ones when there are no more."""

    def __init__(self, *ids: str) -> None:
        self._ids = list(ids)

    def generate_trace_id(self) -> int:
        return int(self._ids.pop(0), 16) if self._ids else super().generate_trace_id()


@contextmanager
def service(
    url: str, role: str, variant: str = "", *traces: str, compression: Compression = Compression.NoCompression
) -> Iterator[Tracer]:
    """All that the block records is sent when it is left. `traces` are the ids of the first ones."""
    names = {"service.name": role, "lab.variant": variant, "service.instance.id": f"{variant}-{role}-1"}
    provider = TracerProvider(resource=Resource(names), id_generator=KnownTraces(*traces), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(f"{url}/v1/traces", timeout=5, compression=compression)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield provider.get_tracer("test")
    finally:
        provider.shutdown()


def trace_id(number: int) -> str:
    return format_trace_id(number)
