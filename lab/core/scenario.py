"""A scenario: the requests that arrive, how fast, and what latency and error share still count as held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from lab.core import documents, experiment, values
from lab.core.experiment import Experiment
from lab.core.operations import Operation
from lab.core.roles import ANY_ROLE

SAMPLES = 20  # draws of each generator that are held against the contract's schema
STREAM_REQUESTS = ("prepare", "open", "change")
VALUE_PLACES = ("path", "query", "header")


@dataclass(frozen=True, slots=True)
class Slo:
    """Held when the p99 latency is at most `p99_ms` and at most `error_share` of requests fail."""

    p99_ms: float
    error_share: float


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request in the mix. `path`, `query`, `header` and `body` hold literals or value generators.

    Generators are described in `lab.core.values` and `scenarios/scenario.schema.json`. `body` is None without one.
    `role` says where an operation of every role is sent; empty: to the first role.
    """

    operation: str
    weight: float
    path: Mapping[str, Any]
    query: Mapping[str, Any]
    header: Mapping[str, Any]
    body: Any
    role: str = ""


@dataclass(frozen=True, slots=True)
class Streams:
    """Streams of server-sent events, each about a thing of its own that `prepare` makes; `change` causes one event."""

    prepare: Request
    open: Request
    change: Request


@dataclass(frozen=True, slots=True)
class Beside:
    """Requests at a steady rate, measured beside rising levels of the workload: 0 first, to compare with.

    A level counts requests per second, or open streams where the workload is streams.
    """

    request: Request
    rate_per_s: float
    levels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A workload of `requests`, whose ladder of rates begins at `rate_per_s`, or of `streams` (then both are empty).

    `timeout_s` bounds one request. With an `experiment` there is no ladder: `rate_per_s` is constant, 0 where the
    requests only say what is started.
    """

    name: str
    title: str
    rate_per_s: float
    timeout_s: float
    requests: tuple[Request, ...]
    slo: Slo
    streams: Streams | None = None
    beside: Beside | None = None
    experiment: Experiment | None = None

    @classmethod
    def from_document(cls, name: str, document: Mapping[str, Any]) -> Scenario:
        """`document` has passed `scenarios/scenario.schema.json` and `problems`."""
        workload, beside = document["workload"], document.get("beside")
        return cls(
            name=name,
            title=document["title"],
            rate_per_s=workload.get("rate_per_s", 0),
            timeout_s=workload["timeout_s"],
            requests=tuple(_request(request) for request in workload.get("requests", ())),
            streams=_streams(workload["streams"]) if "streams" in workload else None,
            beside=_beside(beside) if beside else None,
            experiment=Experiment.from_document(document),
            slo=Slo(p99_ms=document["slo"]["p99_ms"], error_share=document["slo"]["error_share"]),
        )

    def document(self) -> dict[str, Any]:
        """For results: plain JSON values."""
        return asdict(self)

    @property
    def climbs(self) -> bool:
        """Whether it is tried at rising rates."""
        return bool(self.requests) and not self.experiment

    @property
    def rises(self) -> bool:
        """Whether its load does, and falls again."""
        return bool(self.experiment and self.experiment.steps(self.rate_per_s))

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations that it uses, each once."""
        return tuple(dict.fromkeys(request.operation for request in self.sent))

    @property
    def sent(self) -> tuple[Request, ...]:
        """Every kind of request that it sends."""
        streams = (self.streams.prepare, self.streams.open, self.streams.change) if self.streams else ()
        return (*self.requests, *streams, *((self.beside.request,) if self.beside else ()))


def _request(document: Mapping[str, Any]) -> Request:
    return Request(
        operation=document["operation"],
        role=document.get("role", ""),
        weight=document.get("weight", 1),
        path=document.get("path", {}),
        query=document.get("query", {}),
        header=document.get("header", {}),
        body=document.get("body"),
    )


def _streams(document: Mapping[str, Any]) -> Streams:
    return Streams(**{name: _request(document[name]) for name in STREAM_REQUESTS})


def _beside(document: Mapping[str, Any]) -> Beside:
    return Beside(_request(document["request"]), document["rate_per_s"], tuple(document["levels"]))


Sent = tuple[tuple[str | int, ...], Mapping[str, Any], set[str]]  # place in the document, request, who makes its ids


def problems(document: Mapping[str, Any], operations: Mapping[str, Operation]) -> list[str]:
    """What the schema can't see in a document that passed it: whether the contract would take these requests."""
    workload = document["workload"]
    if "streams" in workload:
        streams = workload["streams"]
        makers = {streams["prepare"]["operation"]}
        sent: list[Sent] = [(("workload", "streams", name), streams[name], makers) for name in STREAM_REQUESTS]
    else:
        makers = {request["operation"] for request in workload["requests"]}
        sent = [(("workload", "requests", index), one, makers) for index, one in enumerate(workload["requests"])]
    beside = document.get("beside")
    if beside:
        sent.append((("beside", "request"), beside["request"], set()))
    found = [
        f"{documents.place(*place)}.{problem}"
        for place, request, makers in sent
        for problem in _request_problems(request, makers, operations, streams=place[-1] == "open")
    ]
    for name in ("open", "change") if "streams" in workload else ():
        path = streams[name].get("path", {})
        if path and not any(map(values.source, path.values())):
            maker = streams["prepare"]["operation"]
            found.append(f"workload.streams.{name}.path: takes no id that {maker} made; for example  {{pick: {maker}}}")
    if beside and (beside["levels"][0] != 0 or beside["levels"] != sorted(set(beside["levels"]))):
        found.append("beside.levels: start with 0 and ascend; for example  levels: [0, 100, 1000]")
    return found + experiment.problems(document, _roles(workload.get("requests", ()), operations))


def _roles(requests: Sequence[Mapping[str, Any]], operations: Mapping[str, Operation]) -> set[str]:
    """Where they go, as far as their operations are known."""
    known = [request for request in requests if request["operation"] in operations]
    return {request.get("role") or operations[request["operation"]].role for request in known}


def _request_problems(
    request: Mapping[str, Any], used: set[str], operations: Mapping[str, Operation], *, streams: bool
) -> Iterator[str]:
    """`streams` where the answer must be a stream; elsewhere it must not."""
    operation = operations.get(request["operation"])
    if operation is None:
        yield f"operation: {request['operation']} is {documents.unknown(request['operation'], operations)}"
        return
    if streams and not operation.streams:
        yield f"operation: {operation.id} does not answer with events"
    if operation.streams and not streams:
        yield f"operation: {operation.id} answers with events; open it by workload.streams"
    if "role" in request and operation.role != ANY_ROLE:
        yield f"role: {operation.id} is always of {operation.role}; leave it out"
    for where in VALUE_PLACES:
        yield from _parameter_problems(where, request.get(where, {}), operation, used, operations)
    if operation.body is None:
        if "body" in request:
            yield f"body: {operation.id} takes none"
    elif "body" not in request:
        yield f"body: missing; {operation.id} needs one"
    else:
        yield from _value_problems("body", request["body"], operation.body)


def _parameter_problems(
    where: str, given: Mapping[str, Any], operation: Operation, used: set[str], operations: Mapping[str, Operation]
) -> Iterator[str]:
    known = {parameter.name: parameter for parameter in operation.parameters if parameter.where == where}
    for name, parameter in known.items():
        if parameter.required and name not in given:
            yield f"{where}.{name}: missing; {operation.id} needs it"
    for name, spec in given.items():
        place = f"{where}.{name}"
        source = values.source(spec)
        if name not in known:
            yield f"{place}: {documents.unknown(name, known)}"
        elif source is None:
            yield from _value_problems(place, spec, known[name].schema)
        elif source.operation not in operations:
            yield f"{place}: {source.operation} is {documents.unknown(source.operation, operations)}"
        elif not operations[source.operation].makes:
            yield f"{place}: {source.operation} makes nothing whose id could be used"
        elif source.operation not in used:
            yield f"{place}: {source.operation} is not among the requests, so no id would ever be known"


def _value_problems(place: str, spec: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    """The problems of the first of `SAMPLES` values that the contract would refuse."""
    chance = Random(0)  # noqa: S311  the same samples every time
    try:
        found = (documents.problems(values.draw(spec, chance, chance), schema) for _ in range(SAMPLES))
        first = next(filter(None, found), [])
    except ValueError as error:
        first = [f"{documents.WHOLE}: {error}"]
    for problem in first:
        inner, text = problem.split(": ", 1)
        yield f"{place}: {text}" if inner == documents.WHOLE else f"{place}.{inner}: {text}"
