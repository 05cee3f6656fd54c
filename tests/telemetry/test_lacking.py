"""`lab contract --telemetry` finds nothing in a service that tells all, and each lack in one that does not."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from lab.contract import telemetry
from lab.contract.telemetry import TelemetryReport, check_at
from lab.core.conventions import DURATION, Attribute, Resource
from lab.telemetry.receiver import MESSAGE_MAX_BYTES
from tests.contract.reference_service import KEY, Request
from tests.ports import free_url
from tests.telemetry.telling import CLIENT, SERVER, Telling, put, telling

How = Mapping[str, Any]


@pytest.fixture(autouse=True)
def _time_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """This service tells at once."""
    for name, seconds in (("COUNTED_WITHIN_S", 0.05), ("RECEIVED_WITHIN_S", 0.3), ("QUIET_S", 0.05), ("POLL_S", 0.005)):
        monkeypatch.setattr(telemetry, name, seconds)


def checked(role: str, how: How, operations: tuple[str, ...] = (), *, traces: bool = True) -> TelemetryReport:
    otlp_url, catalog_url = free_url(), free_url()
    shop = type("Broken", (Telling,), dict(how))(role, catalog_url, otlp_url)
    fake_catalog_url = catalog_url if role == "orders" else ""
    with telling(shop) as (url, metrics_url):
        return check_at(url, role, operations, KEY, fake_catalog_url, metrics_url, otlp_url if traces else "")


TOO_LONG = gzip.compress(bytes(MESSAGE_MAX_BYTES + 1))
OPERATIONS = {"ping": ("ping",), "catalog": ("getProduct",), "orders": ("placeOrder",)}


@pytest.mark.parametrize(("role", "operations"), OPERATIONS.items())
def test_nothing_is_found_where_nothing_is_lacking(role: str, operations: tuple[str, ...]) -> None:
    report = checked(role, {}, operations)
    assert "\n\n".join(report.violations) == ""
    assert report.not_run == ()


POSTED: list[tuple[str, How]] = [
    ("in chunks", {"post": lambda shop, message: Telling.post(shop, [message[:9], message[9:]])}),
    ("packed", {"post": lambda shop, message: Telling.post(shop, gzip.compress(message), "gzip")}),
]


@pytest.mark.parametrize("how", [row[1] for row in POSTED], ids=[row[0] for row in POSTED])
def test_spans_are_taken_however_they_are_sent(how: How) -> None:
    assert checked("ping", how).violations == ()


def test_without_a_receiver_only_metrics_are_checked() -> None:
    report = checked("ping", {"send": lambda shop, spans: None}, traces=False)
    assert report.violations == ()
    assert report.not_run == ("traces (needs --otlp)",)


def exposing(old: str, new: str) -> How:
    return {"exposed": lambda shop, text: text.replace(old, new)}


def without_lines(begin: str) -> How:
    return {"exposed": lambda shop, text: "".join(line for line in text.splitlines(True) if not line.startswith(begin))}


def sending(change: Callable[[Span], Span | None], kind: Any = SERVER) -> How:
    """Spans of a kind, changed; none where there is none any more."""

    def send(shop: Telling, spans: list[Span]) -> None:
        changed = [change(span) if span.kind == kind else span for span in spans]
        Telling.send(shop, [span for span in changed if span])

    return {"send": send}


def attribute(key: Attribute, value: Any = None, kind: Any = SERVER) -> How:
    """Another value of an attribute; without it where there is none."""

    def change(span: Span) -> Span:
        kept = [pair for pair in span.attributes if pair.key != key]
        if len(kept) < len(span.attributes):
            del span.attributes[:]
            span.attributes.extend(kept)
            if value is not None:
                put(span, {key: value})
        return span

    return sending(change, kind)


def changed(**members: Any) -> Callable[[Span], Span]:
    def change(span: Span) -> Span:
        for name, value in members.items():
            setattr(span, name, value)
        return span

    return change


def changed_status(status: Status) -> Callable[[Span], Span]:
    def change(span: Span) -> Span:
        span.status.CopyFrom(status)
        return span

    return change


def raised_twice(shop: Telling, spans: list[Span]) -> None:
    for span in spans:
        span.events.add(name="exception")
    Telling.send(shop, spans)


def raw_path(shop: Telling, request: Request) -> str:
    return request.path


def counted_twice(shop: Telling, span: Span, request: Request, route: str, status: int) -> None:
    Telling.describe(shop, span, request, route, status)
    shop.metric(DURATION).labels(request.method, route, status).observe(0.1)


BROKEN: list[tuple[str, str, How, str]] = [
    # rule                                role       how                                            what is found
    ("a metric that is missing", "ping", without_lines("# TYPE http_server_workers"), "http_server_workers, a gauge"),
    (
        "another name",
        "ping",
        exposing("http_server_queue_time_seconds", "queue_time"),
        "http_server_queue_time_seconds",
    ),
    ("another type", "ping", exposing("active_requests gauge", "active_requests counter"), "_active_requests, a gauge"),
    ("a label that is missing", "ping", exposing('queue="accept"', 'kind="accept"'), "with the labels queue"),
    ("a label too many", "ping", exposing("{queue=", '{framework="x",queue='), "with framework, queue"),
    ("other buckets", "ping", exposing('le="0.005"', 'le="0.004"'), f"{DURATION.name} with the buckets 0.005"),
    ("no pool", "catalog", exposing("db_client_connection_max", "pool"), "db_client_connection_max, a gauge"),
    ("no state", "catalog", exposing('state="idle"', 'state="free"'), 'db_client_connection_state="idle"'),
    ("nothing is counted of calls", "orders", exposing("http_client_", "client_"), "http_client_request_duration"),
    ("no series at 0", "ping", exposing('http_response_status_code="503"', 'http_response_status_code="502"'), '"503"'),
    ("no series of dropped spans", "ping", exposing('"queue_full"', '"full"'), 'error_type="queue_full"'),
    ("another role", "ping", exposing('service_name="ping"', 'service_name="x"'), 'service_name="ping"'),
    ("no format at all", "ping", exposing("# TYPE", "TYPE of"), "Prometheus' text format"),
    ("the raw path as route", "catalog", {"route": raw_path}, 'http_route="/products/{product_id}"'),
    ("a path of a client", "ping", {"route": raw_path}, "which a client made up"),
    (
        "a method of a client",
        "ping",
        exposing('requests{http_request_method="GET', 'requests{http_request_method="PROPFIND'),
        "PROPFIND",
    ),
    ("counted twice", "ping", {"describe": counted_twice}, "grows by 1\n  found     by 2"),
    ("no exemplar", "ping", {"exemplar": lambda shop, span: None}, "an exemplar with trace_id"),
    ("nothing is sent", "ping", {"send": lambda shop, spans: None}, "one server span"),
    ("sent elsewhere", "ping", {"otlp_path": lambda shop: "/traces"}, "sent to /traces"),
    ("not packed", "ping", {"post": lambda shop, message: Telling.post(shop, message, "gzip")}, "what is not gzip"),
    ("packed otherwise", "ping", {"post": lambda shop, message: Telling.post(shop, message, "br")}, "encoded as br"),
    ("too long", "ping", {"post": lambda shop, _: Telling.post(shop, TOO_LONG, "gzip")}, "sent more than 16777216"),
    ("no message", "ping", {"post": lambda shop, _: Telling.post(shop, b"none")}, "no ExportTraceServiceRequest"),
    ("no id", "ping", sending(changed(span_id=b"")), "spans whose ids or times are none"),
    ("a kind that nobody knows", "ping", sending(changed(kind=99)), "found     internal span 'GET /ping'"),
    ("a trace of its own", "ping", {"parent": lambda shop, request: (b"1" * 16, b"")}, "one server span"),
    ("a client's span", "ping", sending(changed(kind=CLIENT)), "one server span"),
    ("another name of the span", "ping", sending(changed(name="/ping")), "a server span called GET /ping"),
    ("no route", "catalog", attribute(Attribute.ROUTE), "with http.route '/products/{product_id}'"),
    ("a status as text", "ping", attribute(Attribute.STATUS, "200"), "http.response.status_code 200"),
    ("no scheme", "ping", attribute(Attribute.SCHEME), "with url.scheme"),
    ("a path that is none", "ping", attribute(Attribute.PATH, "/ping?x"), "with url.path '/ping'"),
    (
        "a refusal is an error",
        "catalog",
        sending(changed_status(Status(code=Status.STATUS_CODE_ERROR))),
        "without status ERROR",
    ),
    ("a failure is none", "orders", sending(changed_status(Status())), "with status ERROR"),
    ("an error without its type", "orders", attribute(Attribute.ERROR), "with error.type"),
    (
        "no statement",
        "catalog",
        {"statement": lambda shop, request: shop.span(1, "sql", (b"2" * 16, b""))},
        "SQL command",
    ),
    ("a statement without text", "catalog", attribute(Attribute.QUERY, kind=CLIENT), "with db.query.text"),
    ("a statement without its system", "catalog", attribute(Attribute.SYSTEM, kind=CLIENT), "with db.system.name or"),
    (
        "a value in a statement",
        "catalog",
        attribute(Attribute.QUERY, "SELECT * FROM product WHERE id = 999999999", CLIENT),
        "no body, token or value",
    ),
    ("no call", "orders", sending(lambda span: None if span.name == "GET" else span, CLIENT), "client spans of calls"),
    ("a call without its address", "orders", attribute(Attribute.URL, kind=CLIENT), "with url.full"),
    ("a trace that ends at the call", "orders", {"passed_on": lambda shop, span: {}}, "whose traceparent begins with"),
    ("an exception twice", "orders", {"send": raised_twice}, "an exception recorded once"),
    ("no version", "ping", {"resource": lambda shop: {Resource.SERVICE: shop.role}}, "resource service.version"),
]


@pytest.mark.parametrize(
    ("role", "how", "found"), [row[1:] for row in BROKEN], ids=[row[0].replace(" ", "_") for row in BROKEN]
)
def test_a_lack_is_found(role: str, how: How, found: str) -> None:
    """And the user is told how to repeat it."""
    operations = ("ping",) if "exposed" in how else OPERATIONS[role]
    violations = checked(role, how, operations).violations
    said = [violation for violation in violations if found in violation]
    assert said, "\n\n".join(violations) or "nothing was found"
    assert all("curl " in violation for violation in said if "OTLP" not in violation)


def garbled_once() -> Callable[[Telling], bool]:
    """The second time, when the first row begins."""
    numbers = itertools.count()
    return lambda shop: next(numbers) == 1


def garbled_at_last(shop: Telling) -> bool:
    return hasattr(shop, "server") and any("made-up" in pair.value.string_value for pair in shop.server.attributes)


GARBLED = [("first read of a product", garbled_once()), ("made-up requests", garbled_at_last)]


@pytest.mark.parametrize(("case", "is_garbled"), GARBLED, ids=[row[0] for row in GARBLED])
def test_metrics_that_cannot_be_read_meanwhile_are_said_of_their_row(
    case: str, is_garbled: Callable[[Telling], bool]
) -> None:
    how = {"exposed": lambda shop, text: text.replace("# TYPE", "TYPE of") if is_garbled(shop) else text}
    report = checked("catalog", how, ("getProduct",), traces=False)
    (violation,) = report.violations
    assert violation.startswith(f"{case}\n  expected  metrics in Prometheus' text format\n")
    assert report.passed > 1
