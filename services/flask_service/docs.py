"""What the service publishes of itself in every role: the contract's OpenAPI document, and Swagger UI over it."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask import Blueprint, Flask, current_app
from flask.typing import ResponseReturnValue
from flask_swagger_ui import get_swaggerui_blueprint  # type: ignore[import-untyped]

DOCUMENT = "/openapi.json"

blueprint = Blueprint("docs", __name__)


def init_app(app: Flask, role: str) -> None:
    app.config["ROLE"] = role
    app.register_blueprint(blueprint)
    app.register_blueprint(get_swaggerui_blueprint("/docs", DOCUMENT, {"app_name": "Framework Lab shop"}))


@blueprint.get(DOCUMENT)
def openapi_document() -> ResponseReturnValue:
    return _document(current_app.config["ROLE"])


@cache
def _document(role: str) -> dict[str, Any]:
    from shop.contract import openapi  # and a YAML parser, which nothing else needs

    return openapi(role)
