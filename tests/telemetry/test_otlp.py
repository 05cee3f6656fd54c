"""How OTLP messages are read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from lab.core.trace import Kind, Span
from lab.telemetry import otlp

TRACE, OTHER = b"t" * 16, b"o" * 16


def message(resource: dict[str, str], *spans: trace_pb2.Span) -> bytes:
    request = ExportTraceServiceRequest()
    made = request.resource_spans.add()
    for key, value in resource.items():
        made.resource.attributes.add(key=key).value.string_value = value
    made.scope_spans.add().spans.extend(spans)
    return bytes(request.SerializeToString())


def span(change: Callable[[trace_pb2.Span], object] = lambda span: None) -> trace_pb2.Span:
    made = trace_pb2.Span(trace_id=TRACE, span_id=b"s" * 8, name="made")
    change(made)
    return made


def read(change: Callable[[trace_pb2.Span], object]) -> Span:
    (found,) = otlp.spans(message({}, span(change)))
    return found


def failed(span: trace_pb2.Span, message: str = "") -> None:
    span.status.code = trace_pb2.Status.STATUS_CODE_ERROR
    span.status.message = message


def failed_by_raising(span: trace_pb2.Span) -> None:
    failed(span, "said")
    raised(span, type="ValueError", message="no stock")


def raised(span: trace_pb2.Span, **told: str) -> None:
    event = span.events.add(name="exception")
    for key, value in told.items():
        event.attributes.add(key=f"exception.{key}").value.string_value = value


def kind(number: int) -> Callable[[trace_pb2.Span], None]:
    return lambda span: setattr(span, "kind", number)


@pytest.mark.parametrize(
    ("number", "found"), [(0, Kind.INTERNAL), (2, Kind.SERVER), (99, Kind.INTERNAL)], ids=["none", "server", "unknown"]
)
def test_kinds(number: int, found: Kind) -> None:
    assert read(kind(number)).kind is found


def test_exceptions_are_events_with_their_attributes() -> None:
    def twice(span: trace_pb2.Span) -> None:
        raised(span, type="ValueError", message="no stock")
        span.events.add(name="retry")
        raised(span, type="KeyError")

    found = read(twice)
    assert found.exceptions == (
        {"exception.type": "ValueError", "exception.message": "no stock"},
        {"exception.type": "KeyError"},
    )


ERRORS: list[tuple[str, Callable[[trace_pb2.Span], object], str]] = [
    # case, span -> error
    ("did not fail", lambda span: raised(span, type="ValueError"), ""),
    ("an exception", failed_by_raising, "ValueError: no stock"),
    ("what the status says", lambda span: failed(span, "said"), "said"),
    ("nothing", failed, ""),
]


@pytest.mark.parametrize(("change", "error"), [case[1:] for case in ERRORS], ids=[case[0] for case in ERRORS])
def test_errors(change: Callable[[trace_pb2.Span], object], error: str) -> None:
    assert read(change).error == error


def test_one_trace_or_all_without_spans_that_are_none() -> None:
    def other(span: trace_pb2.Span) -> None:
        span.trace_id = OTHER

    def without_id(span: trace_pb2.Span) -> None:
        span.span_id = b""

    sent = message({}, span(), span(other), span(without_id))
    assert [found.trace_id for found in otlp.spans(sent)] == [TRACE.hex(), OTHER.hex()]
    assert [found.trace_id for found in otlp.spans(sent, OTHER)] == [OTHER.hex()]
    assert otlp.parts(sent)[1] == 1


def test_who_made_a_trace_is_cut_in_lists_as_its_name_is() -> None:
    def long(span: trace_pb2.Span) -> None:
        span.name = "n" * 1000

    resource = {"service.name": "r" * 1000, "lab.variant": "v" * 1000}
    found, _ = otlp.parts(message(resource, span(long)))
    entry = found[TRACE].entry
    assert entry
    assert (entry.role, entry.variant, entry.name) == tuple(letter * otlp.NAME_MAX for letter in "rvn")
