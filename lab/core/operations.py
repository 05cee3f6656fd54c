"""The operations of the contract's `openapi.yaml`, as far as a client must know them to send and to judge answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.core.roles import ANY_ROLE

METHODS = ("get", "head", "options", "put", "post", "patch", "delete")
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})  # of those above, by RFC 9110
EVENTS = "text/event-stream"
IDEMPOTENCY_KEY = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    where: str
    required: bool
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """`answers` has each success status with the members its JSON object must have, or None where it has no body.

    `makes` tells that a success names the new thing in `Location`, `streams` that it is a stream of events.
    """

    id: str
    method: str
    path: str
    role: str
    parameters: tuple[Parameter, ...]
    body: Mapping[str, Any] | None
    answers: Mapping[int, frozenset[str] | None]
    responses: Mapping[str, Mapping[str, Any]]
    makes: bool
    streams: bool
    scope: str


def read(document: Mapping[str, Any]) -> Mapping[str, Operation]:
    """The operations of an OpenAPI 3.1 document whose references are all within it, by operationId."""
    return {
        operation["operationId"]: _operation(document, path, method, item.get("parameters", []), operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def _operation(
    document: Mapping[str, Any], path: str, method: str, shared: list[Any], node: Mapping[str, Any]
) -> Operation:
    answers: dict[int, frozenset[str] | None] = {}
    makes = streams = False
    responses = {status: resolve(reference, document) for status, reference in node["responses"].items()}
    scopes = [scope for requirement in node.get("security", ()) for names in requirement.values() for scope in names]
    for status, answer in responses.items():
        if not status.startswith("2"):
            continue
        schema = _json_schema(answer, document)
        answers[int(status)] = None if schema is None else frozenset(schema.get("required", ()))
        makes = makes or "Location" in answer.get("headers", {})
        streams = streams or EVENTS in answer.get("content", {})
    body = resolve(node.get("requestBody", {}), document)
    return Operation(
        id=node["operationId"],
        method=method.upper(),
        path=path,
        role=node.get("x-role", ANY_ROLE),
        parameters=tuple(
            _parameter(resolve(item, document), document) for item in [*shared, *node.get("parameters", [])]
        ),
        body=_json_schema(body, document),
        answers=answers,
        responses=responses,
        makes=makes,
        streams=streams,
        scope=scopes[0] if scopes else "",
    )


def _parameter(node: Mapping[str, Any], document: Mapping[str, Any]) -> Parameter:
    schema = {**resolve(node["schema"], document), "components": document.get("components", {})}
    return Parameter(name=node["name"], where=node["in"], required=node.get("required", False), schema=schema)


def _json_schema(node: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema of a JSON body, with the components it refers to; None without such a body."""
    media = node.get("content", {}).get("application/json")
    if media is None:
        return None
    return {**resolve(media["schema"], document), "components": document.get("components", {})}


def resolve(node: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """`node`, or what it refers to."""
    while "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node
