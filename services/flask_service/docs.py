"""What the service publishes of itself in every role: the contract's OpenAPI document, and a page made of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from flask import Blueprint, Flask, current_app, render_template
from flask.typing import ResponseReturnValue

blueprint = Blueprint("docs", __name__)


def init_app(app: Flask, role: str) -> None:
    app.config["ROLE"] = role
    app.register_blueprint(blueprint)


@blueprint.get("/openapi.json")
def openapi_document() -> ResponseReturnValue:
    return _document(current_app.config["ROLE"])


@blueprint.get("/docs")
def page() -> ResponseReturnValue:
    return _page(current_app.config["ROLE"])


@cache
def _document(role: str) -> dict[str, Any]:
    from shop.contract import openapi  # and a YAML parser, which nothing else needs

    return openapi(role)


@cache
def _page(role: str) -> str:
    document = _document(role)
    operations = list(_operations(document))
    schemas = {name: document["components"]["schemas"][name] for name in sorted(_schemas(document, operations))}
    return render_template("docs.html", role=role, info=document["info"], operations=operations, schemas=schemas)


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each with its method and path, and nothing referred to but schemas."""
    for path, item in document["paths"].items():
        shared = item.get("parameters", [])
        for method, operation in item.items():
            if operation is not shared:
                yield {
                    **operation,
                    "method": method.upper(),
                    "path": path,
                    "scopes": [scope for way in operation.get("security", []) for scope in way["token"]],
                    "parameters": [_resolved(document, node) for node in [*shared, *operation.get("parameters", [])]],
                    "body": _resolved(document, operation.get("requestBody", {})),
                    "responses": {status: _resolved(document, node) for status, node in operation["responses"].items()},
                }


def _resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found = document
    for name in node["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def _schemas(document: dict[str, Any], node: Any) -> set[str]:
    """Names of those that `node` refers to, and that these refer to."""
    if isinstance(node, list):
        return set().union(*(_schemas(document, below) for below in node))
    if not isinstance(node, dict):
        return set()
    if "$ref" in node:
        found = _schemas(document, _resolved(document, node))
        return found | {node["$ref"].rpartition("/")[2]} if "/schemas/" in node["$ref"] else found
    return set().union(*(_schemas(document, below) for below in node.values()))
