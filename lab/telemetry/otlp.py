"""What an OTLP message says: its spans, and what a list of traces must know of them without reading them all again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from lab.core.conventions import EXCEPTION, Resource
from lab.core.trace import Attributes, Kind, Span, Value

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8
TIME_MAX_NS = 2**63 - 1
NAME_MAX = 200  # characters of a name in a list; longer ones are cut

_KINDS = {
    trace_pb2.Span.SPAN_KIND_SERVER: Kind.SERVER,
    trace_pb2.Span.SPAN_KIND_CLIENT: Kind.CLIENT,
    trace_pb2.Span.SPAN_KIND_PRODUCER: Kind.PRODUCER,
    trace_pb2.Span.SPAN_KIND_CONSUMER: Kind.CONSUMER,
}
_ENTRIES = (trace_pb2.Span.SPAN_KIND_SERVER, trace_pb2.Span.SPAN_KIND_CONSUMER)
_ERROR = trace_pb2.Status.STATUS_CODE_ERROR


@dataclass(slots=True)
class Entry:
    """The span with which a trace enters a service: its root, or the call of another service."""

    role: str
    variant: str
    name: str
    is_root: bool
    start_ns: int
    duration_ns: int


@dataclass(slots=True)
class Part:
    """What one message holds of one trace; `entry` is the longest, a root before all others."""

    spans: int = 0
    failed: int = 0
    entry: Entry | None = None


def parts(message: bytes) -> tuple[dict[bytes, Part], int]:
    """By trace id; and how many spans are none that can be kept. Raises ValueError when it is no OTLP message."""
    found: dict[bytes, Part] = {}
    refused = 0
    for resource_spans in _parse(message).resource_spans:
        role = variant = ""
        for attribute in resource_spans.resource.attributes:
            if attribute.key == Resource.SERVICE:
                role = attribute.value.string_value[:NAME_MAX]
            elif attribute.key == Resource.VARIANT:
                variant = attribute.value.string_value[:NAME_MAX]
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                if not _is_sound(span):
                    refused += 1
                    continue
                trace_id = span.trace_id
                part = found.get(trace_id)
                if part is None:
                    part = found[trace_id] = Part()
                part.spans += 1
                part.failed += span.status.code == _ERROR
                is_root = not span.parent_span_id
                if is_root or span.kind in _ENTRIES:
                    start = span.start_time_unix_nano
                    duration = max(0, span.end_time_unix_nano - start)
                    before = part.entry
                    if not before or (is_root, duration) > (before.is_root, before.duration_ns):
                        part.entry = Entry(role, variant, span.name[:NAME_MAX], is_root, start, duration)
    return found, refused


def spans(message: bytes, trace_id: bytes = b"") -> Iterator[Span]:
    """Those of one trace, or all where none is named; without those that cannot be kept. ValueError as above."""
    for resource_spans in _parse(message).resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                if trace_id in (b"", span.trace_id) and _is_sound(span):
                    yield _span(span, resource)


def _parse(message: bytes) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(message)
    except DecodeError as error:
        raise ValueError(f"no ExportTraceServiceRequest: {error}") from error
    return request


def _is_sound(span: trace_pb2.Span) -> bool:
    return (
        len(span.trace_id) == TRACE_ID_BYTES
        and len(span.span_id) == SPAN_ID_BYTES
        and span.start_time_unix_nano <= TIME_MAX_NS
        and span.end_time_unix_nano <= TIME_MAX_NS
    )


def _span(span: trace_pb2.Span, resource: Attributes) -> Span:
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=_KINDS.get(span.kind, Kind.INTERNAL),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        resource=resource,
        attributes=_attributes(span.attributes),
        exceptions=tuple(_attributes(event.attributes) for event in span.events if event.name == EXCEPTION),
        failed=span.status.code == _ERROR,
        message=span.status.message,
    )


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Value:
    """Lists and what else has no plain value become text."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "bool_value":
            return value.bool_value
        case "array_value":
            return ", ".join(str(_value(one)) for one in value.array_value.values)
    return str(value).strip()
