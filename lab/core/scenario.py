"""A scenario: the requests that arrive, how fast, and what latency and error share still count as held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from lab.core import documents, values
from lab.core.operations import Operation

SAMPLES = 20  # draws of each generator that are held against the contract's schema
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
    """

    operation: str
    weight: float
    path: Mapping[str, Any]
    query: Mapping[str, Any]
    header: Mapping[str, Any]
    body: Any


@dataclass(frozen=True, slots=True)
class Scenario:
    """`rate_per_s` is where the ladder of rates begins; `timeout_s` bounds one request."""

    name: str
    title: str
    rate_per_s: float
    timeout_s: float
    requests: tuple[Request, ...]
    slo: Slo

    @classmethod
    def from_document(cls, name: str, document: Mapping[str, Any]) -> Scenario:
        """`document` has passed `scenarios/scenario.schema.json` and `problems`."""
        workload = document["workload"]
        return cls(
            name=name,
            title=document["title"],
            rate_per_s=workload["rate_per_s"],
            timeout_s=workload["timeout_s"],
            requests=tuple(
                Request(
                    operation=request["operation"],
                    weight=request["weight"],
                    path=request.get("path", {}),
                    query=request.get("query", {}),
                    header=request.get("header", {}),
                    body=request.get("body"),
                )
                for request in workload["requests"]
            ),
            slo=Slo(p99_ms=document["slo"]["p99_ms"], error_share=document["slo"]["error_share"]),
        )

    def document(self) -> dict[str, Any]:
        """For results: plain JSON values."""
        return asdict(self)

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations that it uses, each once."""
        return tuple(dict.fromkeys(request.operation for request in self.requests))


def problems(document: Mapping[str, Any], operations: Mapping[str, Operation]) -> list[str]:
    """What the schema can't see in a document that passed it: whether the contract would take these requests."""
    requests = document["workload"]["requests"]
    used = {request["operation"] for request in requests}
    return [
        f"{documents.place('workload', 'requests', index)}.{problem}"
        for index, request in enumerate(requests)
        for problem in _request_problems(request, used, operations)
    ]


def _request_problems(request: Mapping[str, Any], used: set[str], operations: Mapping[str, Operation]) -> Iterator[str]:
    operation = operations.get(request["operation"])
    if operation is None:
        yield f"operation: {request['operation']} is {documents.unknown(request['operation'], operations)}"
        return
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
