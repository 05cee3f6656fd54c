"""What the trace of one request lacks, compared with its row of SIGNALS."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from lab.contract.signals import Below, Signal
from lab.core.conventions import CACHES, CONNECTION_TRIAL, DATA_COMMANDS, NO_ROUTE, POSTGRESQL, Attribute, Resource
from lab.core.trace import Kind, Span

Found = tuple[str, str]  # what is expected, and what is there instead
_COMMAND = re.compile(r"[A-Za-z]+")
SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that was watched. No attribute may hold one of its `secrets`, no statement one of its `values`.

    `passed_on` are the traceparents that the catalog was sent meanwhile, None where nobody knows.
    """

    trace_id: str
    span_id: str
    method: str
    path: str
    secrets: tuple[str, ...] = ()
    values: tuple[int, ...] = ()
    passed_on: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Demand:
    """How much is demanded: of a service alone, only its own spans, however many statements it takes.

    `whole` is a stack whose services all report, and which is one of the lab's own.
    """

    whole: bool


@dataclass(slots=True)
class Trace:
    spans: Sequence[Span]
    children: dict[str, list[Span]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for span in self.spans:
            self.children.setdefault(span.parent_id, []).append(span)

    def clients(self, parent: Span) -> Iterator[Span]:
        """Client spans below a span, whatever internal ones are between."""
        for child in self.children.get(parent.span_id, ()):
            if child.kind is Kind.CLIENT:
                yield child
            elif child.kind is Kind.INTERNAL:
                yield from self.clients(child)

    def servers(self, parent_id: str) -> list[Span]:
        return [span for span in self.children.get(parent_id, ()) if span.kind is Kind.SERVER]


def lacking(signal: Signal, role: str, sent: Sent, spans: Sequence[Span], demand: Demand) -> Iterator[Found]:
    trace = Trace(spans)
    servers = trace.servers(sent.span_id)
    if len(servers) != 1:
        yield "one server span, child of the span that the request's traceparent names", _listed(spans)
        return
    (server,) = servers
    yield from _server(signal, role, sent, server)
    yield from _below(signal.below, trace, server, demand, failed=signal.raises)
    if sent.passed_on is not None and signal.below.call_status:
        yield from _passed_on(sent, trace.clients(server))
    yield from _once(trace, server, ())
    if signal.raises and not any(span.exceptions for span in spans):
        yield "an exception that is recorded", "none in the trace"
    for span in spans:
        yield from _leaked(span, sent)


def _server(signal: Signal, role: str, sent: Sent, span: Span) -> Iterator[Found]:
    names = {f"{sent.method} {signal.route}"} if signal.route else {sent.method, "HTTP"}
    if span.name not in names:
        yield f"a server span called {' or '.join(sorted(names))}", repr(span.name)
    yield from _attributes(
        span,
        {
            Attribute.METHOD: sent.method,
            Attribute.STATUS: signal.status,
            Attribute.PATH: sent.path,
            Attribute.SCHEME: "http",
            **({Attribute.ROUTE: signal.route} if signal.route != NO_ROUTE else {}),
        },
    )
    if signal.route == NO_ROUTE and span.attributes.get(Attribute.ROUTE):
        yield f"{_named(span)} without {Attribute.ROUTE}", str(span.attributes[Attribute.ROUTE])
    yield from _status(span, signal.failed)
    if signal.failed and not span.attributes.get(Attribute.ERROR):
        yield f"{_named(span)} with {Attribute.ERROR}", "none"
    yield from _resource(span, role)


def _leaked(span: Span, sent: Sent) -> Iterator[Found]:
    told = [pair for attributes in (span.attributes, *span.exceptions) for pair in attributes.items()]
    held = [key for key, value in told for text in sent.secrets if text in str(value)]
    query = str(span.attributes.get(Attribute.QUERY, ""))
    held += [Attribute.QUERY for value in sent.values if re.search(rf"\b{value}\b", query)]
    if held:
        yield "no body, token or value of a statement in an attribute", f"{_named(span)}: {held[0]}"


def _resource(span: Span, role: str) -> Iterator[Found]:
    if span.resource.get(Resource.SERVICE) != role:
        yield f"resource {Resource.SERVICE} {role}", str(span.resource.get(Resource.SERVICE))
    if not span.resource.get(Resource.VERSION):
        yield f"resource {Resource.VERSION}", "none"


def _below(below: Below, trace: Trace, server: Span, demand: Demand, *, failed: bool = False) -> Iterator[Found]:
    """`failed` tells that the statement raised what ended the request."""
    clients = list(trace.clients(server))
    statements = [span for span in clients if _system(span) == POSTGRESQL]
    cache = [span for span in clients if _system(span) in CACHES]
    calls = [span for span in clients if Attribute.METHOD in span.attributes]
    for span in clients:
        if not (_system(span) in {POSTGRESQL, *CACHES} or Attribute.METHOD in span.attributes):
            yield f"{_named(span)} with {Attribute.SYSTEM} or {Attribute.METHOD}", _shown(span)
    yield from _statements(below.statements, server, statements, demand, failed)
    yield from _cache(below.cache, server, cache, demand)
    yield from _calls(below, trace, server, calls, demand)


def _statements(number: int, server: Span, spans: Iterable[Span], demand: Demand, failed: bool) -> Iterator[Found]:
    data = [
        span
        for span in spans
        if _command(span) in DATA_COMMANDS and span.attributes.get(Attribute.QUERY) != CONNECTION_TRIAL
    ]
    if demand.whole and len(data) != number:
        yield f"{number} spans of statements below {_named(server)}", ", ".join(_named(span) for span in data) or "none"
    if number and not data:
        yield f"spans of statements below {_named(server)}, whose names begin with the SQL command", "none"
    for span in data:
        text = str(span.attributes.get(Attribute.QUERY, ""))
        if not text:
            yield f"{_named(span)} with {Attribute.QUERY}", "none"
        elif _first_word(text) != _command(span):
            yield f"{_named(span)} named by the command of its {Attribute.QUERY}", text[:SHOWN_MAX]
        yield from _status(span, failed)


def _cache(commands: Sequence[str], server: Span, spans: Iterable[Span], demand: Demand) -> Iterator[Found]:
    """A service alone may have no cache."""
    found = Counter(_command(span) for span in spans)
    if demand.whole and found != Counter(commands):
        expected = ", ".join(commands) or "no"
        yield f"{expected} spans of the cache below {_named(server)}", ", ".join(found.elements()) or "none"


def _calls(below: Below, trace: Trace, server: Span, spans: Sequence[Span], demand: Demand) -> Iterator[Found]:
    few, many = (below.calls, below.calls) if below.call_status else (min(1, below.calls), below.calls)
    if not few <= len(spans) <= many:
        number = f"{few}" if few == many else f"{few} to {many}"
        yield f"{number} client spans of calls below {_named(server)}", ", ".join(map(_named, spans)) or "none"
    for span in spans:
        if span.name != "GET":
            yield "a call's span called GET", repr(span.name)
        for attribute in (Attribute.SERVER, Attribute.URL):
            if not span.attributes.get(attribute):
                yield f"{_named(span)} to the catalog with {attribute}", "none"
        yield from _attributes(
            span,
            {Attribute.METHOD: "GET", **({Attribute.STATUS: below.call_status} if below.call_status else {})},
        )
        yield from _status(span, not below.call_status)
        if demand.whole and below.each_call:
            yield from _called(below.each_call, trace, span, demand)


def _passed_on(sent: Sent, clients: Iterable[Span]) -> Iterator[Found]:
    for span in clients:
        context = f"00-{sent.trace_id}-{span.span_id}-"
        if Attribute.METHOD in span.attributes and not any(each.startswith(context) for each in sent.passed_on or ()):
            found = ", ".join(each or "none" for each in sent.passed_on or ()) or "no request"
            yield f"a request to the catalog whose traceparent begins with {context}", found


def _called(below: Below, trace: Trace, call: Span, demand: Demand) -> Iterator[Found]:
    servers = trace.servers(call.span_id)
    if len(servers) != 1:
        yield f"one server span of the catalog below {_named(call)}", _listed(servers)
        return
    yield from _resource(servers[0], "catalog")
    yield from _below(below, trace, servers[0], demand)


def _status(span: Span, failed: bool) -> Iterator[Found]:
    if span.failed is not failed:
        yield f"{_named(span)} {'with' if failed else 'without'} status ERROR", "ERROR" if span.failed else "no ERROR"
    if not failed and span.attributes.get(Attribute.ERROR):
        yield f"{_named(span)} without {Attribute.ERROR}", str(span.attributes[Attribute.ERROR])


def _attributes(span: Span, expected: dict[Attribute, str | int]) -> Iterator[Found]:
    for attribute, value in expected.items():
        if (found := span.attributes.get(attribute)) != value:
            yield f"{_named(span)} with {attribute} {value!r}", "none" if found is None else repr(found)


def _once(trace: Trace, span: Span, above: tuple[Span, ...]) -> Iterator[Found]:
    """An exception on its way up is recorded at one span of one service."""
    path = (*above, span) if span.exceptions else above
    if len(span.exceptions) > 1 or (span.exceptions and above):
        yield "an exception recorded once", f"at {', '.join(map(_named, path))}"
    for child in trace.children.get(span.span_id, ()):
        yield from _once(trace, child, () if child.kind is Kind.SERVER else path)


def _system(span: Span) -> str:
    return str(span.attributes.get(Attribute.SYSTEM, ""))


def _command(span: Span) -> str:
    return _first_word(span.name)


def _first_word(text: str) -> str:
    found = _COMMAND.search(text)
    return found[0].upper() if found else ""


def _named(span: Span) -> str:
    return f"{span.kind} span {span.name!r}"


def _listed(spans: Iterable[Span]) -> str:
    return ", ".join(f"{_named(span)} below {span.parent_id or 'nothing'}" for span in spans) or "no span"


def _shown(span: Span) -> str:
    return ", ".join(f"{key}={value}" for key, value in span.attributes.items())[:SHOWN_MAX] or "no attribute"
