"""Reads a request in the contract's order of judgement. What is refused is raised as a Problem."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias, cast
from urllib.parse import parse_qs

from flask import request
from marshmallow import Schema, ValidationError
from marshmallow.exceptions import SCHEMA
from shop.documents import BODY_MAX_BYTES, MalformedJSON, parse, pointer
from shop.problems import FieldError, Problem, invalid

from flask_service.fields import ID, UNKNOWN_MEMBER, TextInteger

Where: TypeAlias = Literal["body", "query", "path", "header"]

_PATH_ID = TextInteger(validate=ID)


def json_body() -> Any:
    """The JSON document of the body. Raises Problem: 411, 413, 415 or 400."""
    length = request.content_length
    if length is None:
        raise Problem("length-required", "A body needs Content-Length; chunked bodies are not taken")
    if length > BODY_MAX_BYTES:
        raise Problem("content-too-large", f"A body has at most {BODY_MAX_BYTES} bytes")
    if request.mimetype != "application/json":
        raise Problem("unsupported-media-type", "A body is application/json")
    try:
        return parse(request.get_data(cache=False))
    except MalformedJSON as error:
        raise Problem("malformed-json", f"The body is not JSON: {error}") from None


def query_parameters() -> dict[str, list[str]]:
    """All values of each parameter, with U+FFFD for what is not UTF-8: `request.args` leaves that percent-encoded."""
    return parse_qs(request.query_string.decode(errors="replace"), keep_blank_values=True)


def header(name: str) -> dict[str, str]:
    """The header if the request has it."""
    return {name: request.headers[name]} if name in request.headers else {}


def path_id(name: str, text: str) -> int:
    """The id that is all of a request's input. Raises Problem: 422."""
    try:
        return _PATH_ID.deserialize(text)
    except ValidationError as error:
        raise invalid(list(_field_errors("path", error.messages, (name,)))) from None


def load(schema: Schema, **parts: Any) -> dict[str, Any]:
    """The validated parts of a request, each of which `schema` nests. Raises Problem: 422, with every field."""
    try:
        return cast(dict[str, Any], schema.load(parts))
    except ValidationError as error:
        messages = cast(dict[Where, Any], error.messages)
        raise invalid([found for where in messages for found in _field_errors(where, messages[where])]) from None


def _field_errors(where: Where, messages: Any, path: tuple[str | int, ...] = ()) -> Iterator[FieldError]:
    """Marshmallow tells of an object as a whole under the key SCHEMA, which a client may use as a member's name."""
    if isinstance(messages, dict):
        for key, below in messages.items():
            of_the_whole = key == SCHEMA and below != [UNKNOWN_MEMBER]
            yield from _field_errors(where, below, path if of_the_whole else (*path, key))
        return
    field = pointer(*path) if where == "body" else str(path[-1])
    for message in messages:
        yield FieldError(where, field, message)
