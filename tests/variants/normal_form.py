"""What an OpenAPI document says of operations, in a form in which two ways to say the same are equal.

For people are titles, descriptions, examples, summaries, tags, `format` and extensions; they are left out. So are
references (what they refer to is put in their place), `HEAD`, which `GET` implies, 405, which the contract gives every
path, and headers that an answer may lack.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lab.core.operations import METHODS, resolve

Document = Mapping[str, Any]
NormalForm = dict[str, dict[str, Any]]  # operationId -> what is said of it

_FOR_PEOPLE = {
    "title",
    "description",
    "examples",
    "example",
    "summary",
    "format",
    "deprecated",
    "readOnly",
    "writeOnly",
}
_SAYS_NOTHING: Mapping[str, Any] = {
    "additionalProperties": True,
    "default": None,
    "minItems": 0,
    "minLength": 0,
    "nullable": False,
    "required": [],
    "uniqueItems": False,
}
_BOUNDS = {"minimum", "maximum"}
_NULL = {"type": ["null"]}


def operations(document: Document, but: Iterable[str] = ()) -> NormalForm:
    """Of every path but those named."""
    found: NormalForm = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if path not in but and method in item and method != "head":
                operation = item[method]
                name = operation.get("operationId", f"{method.upper()} {path}")
                found[name] = {"method": method.upper(), "path": path, **_operation(document, item, operation)}
    return found


def _operation(document: Document, item: Document, operation: Document) -> dict[str, Any]:
    said: dict[str, Any] = {
        "scopes": sorted(
            {scope for way in operation.get("security", document.get("security", ())) for scope in _scopes(way)}
        )
    }
    for node in (*item.get("parameters", ()), *operation.get("parameters", ())):
        parameter = resolve(node, document)
        name = parameter["name"].lower() if parameter["in"] == "header" else parameter["name"]
        said[f"{parameter['in']} parameter {name}"] = {
            "required": parameter.get("required", False),
            "schema": _never_null(schema(document, parameter["schema"])),
        }
    if "requestBody" in operation:
        body = resolve(operation["requestBody"], document)
        said["request body"] = {"required": body.get("required", False), **_content(document, body)}
    for status, node in operation["responses"].items():
        if str(status) != "405":
            answer = resolve(node, document)
            said[f"response {status}"] = {**_headers(document, answer), **_content(document, answer)}
    return said


def _scopes(requirement: Mapping[str, list[str]]) -> Iterable[str]:
    return (scope for scopes in requirement.values() for scope in scopes)


def _content(document: Document, node: Document) -> dict[str, Any]:
    return {
        media_type.partition(";")[0].strip().lower(): schema(document, media.get("schema", {}))
        for media_type, media in node.get("content", {}).items()
    }


def _headers(document: Document, answer: Document) -> dict[str, Any]:
    headers = {name.lower(): resolve(node, document) for name, node in answer.get("headers", {}).items()}
    return {
        f"header {name}": _never_null(schema(document, header.get("schema", {})))
        for name, header in headers.items()
        if header.get("required", False)
    }


def schema(document: Document, node: Any) -> Any:
    """The normal form of a schema within a document."""
    if not isinstance(node, Mapping):
        return node
    node = {key: value for key, value in resolve(node, document).items() if not _is_idle(key, value)}
    for key in ("allOf", "anyOf", "oneOf"):
        if key in node:
            node = _merged(document, {**node}, key)
    said: dict[str, Any] = {key: _member(document, key, value) for key, value in node.items()}
    if "const" in said:
        said["enum"] = [said.pop("const")]
    if said.pop("nullable", False):
        said["type"] = sorted({*said.get("type", ()), "null"})
    if "enum" in said:
        said.pop("type", None)  # that of the values
    return said


def _is_idle(key: str, value: Any) -> bool:
    return key in _FOR_PEOPLE or key.startswith("x-") or (key in _SAYS_NOTHING and value == _SAYS_NOTHING[key])


def _merged(document: Document, node: dict[str, Any], key: str) -> Document:
    """`anyOf: [X, null]` is X that may be null; one alternative is none."""
    branches = [schema(document, branch) for branch in node.pop(key)]
    rest = [branch for branch in branches if branch != _NULL]
    if len(rest) != 1:
        return {**node, key: branches}
    return {**node, **rest[0], **({"nullable": True} if len(rest) < len(branches) else {})}


def _member(document: Document, key: str, value: Any) -> Any:
    match key:
        case "properties":
            return {name: schema(document, node) for name, node in value.items()}
        case "items" | "additionalProperties":
            return schema(document, value)
        case "type":
            return sorted([value] if isinstance(value, str) else value)
        case "required" | "enum":
            return sorted(value, key=repr)
        case "pattern":
            return re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), value)
        case _ if key in _BOUNDS:
            return float(value)  # as some libraries write them
        case _:
            return value


def _never_null(said: dict[str, Any]) -> dict[str, Any]:
    """Neither a path, a query nor a header can say null."""
    return {**said, "type": [name for name in said["type"] if name != "null"]} if "type" in said else said
