"""What a replica says of itself at `/openapi.json`: FastAPI's own document, made to agree with the contract's."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import FastAPI
from fastapi.openapi.constants import REF_PREFIX
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema
from shop import streams
from shop.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]

# What an operation may answer that needs a token, or has a body, beside what its parameters lead to.
TOKEN = (401, 403)
BODY = (400, 411, 413, 415)


class FieldErrorDocument(BaseModel):
    model_config = ConfigDict(extra="forbid")

    in_: Literal["body", "query", "path", "header"] = Field(alias="in")
    field: str
    detail: Annotated[str, Field(min_length=1)]


class ProblemDocument(BaseModel):
    """RFC 9457."""

    model_config = ConfigDict(extra="forbid")

    type: Annotated[str, Field(pattern="^urn:framework-lab:problem:[a-z-]+$")]
    title: str
    status: int
    detail: str
    errors: Annotated[list[FieldErrorDocument], Field(min_length=1, default_factory=list)]


_DESCRIPTIONS: Mapping[int, str] = {
    400: "The body is not JSON.",
    401: "No token, or one that does not hold.",
    403: "The token lacks the scope.",
    404: "The addressed thing does not exist.",
    409: "Refused by the shop.",
    411: "A body needs Content-Length.",
    413: "A body has at most 65,536 bytes.",
    415: "A body is application/json.",
    422: "The schema is violated; `errors` names every field.",
    503: "A dependency is down or answers wrongly.",
    504: "The catalog did not answer in time.",
}


def _header(pattern: str) -> dict[str, Any]:
    return {"required": True, "schema": {"type": "string", "pattern": pattern}}


_HEADERS: Mapping[int, Mapping[str, Any]] = {
    401: {"WWW-Authenticate": _header("^Bearer")},
    503: {"Retry-After": _header("^[0-9]+$")},
}
LOCATION = {"headers": {"Location": _header("^/[a-z]+/[0-9]+$")}}
STREAM = {
    "description": "Events, until the stream ends.",
    "headers": {"Cache-Control": {"required": True, "schema": {"type": "string", "const": streams.CACHE_CONTROL}}},
    "content": {streams.MEDIA_TYPE: {"schema": {"type": "string"}}},
}


def problems(*statuses: int) -> Responses:
    """What `responses` of an operation says of them."""
    return {
        status: {
            "description": _DESCRIPTIONS[status],
            "headers": _HEADERS.get(status, {}),
            "content": {MEDIA_TYPE: {"schema": {"$ref": f"{REF_PREFIX}{ProblemDocument.__name__}"}}},
        }
        for status in sorted(statuses)
    }


def operation_id(route: APIRoute) -> str:
    """`getProduct` of `get_product`."""
    first, *others = route.name.split("_")
    return first + "".join(word.title() for word in others)


class PublishedAPI(FastAPI):
    """Knows the schema that `problems` refers to, and is silent about HEAD, which GET implies.

    FastAPI would give both the same operationId, and warn of it.
    """

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            with warnings.catch_warnings(action="ignore"):
                document = super().openapi()
            for operations in document["paths"].values():
                operations.pop("head", None)
            _, definitions = models_json_schema([(ProblemDocument, "validation")], ref_template=REF_PREFIX + "{model}")
            document.setdefault("components", {}).setdefault("schemas", {}).update(definitions["$defs"])
        return super().openapi()
