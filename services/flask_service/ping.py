"""The smallest answer, in every role."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("ping", __name__)


@blueprint.get("/ping")
def ping() -> dict[str, str]:
    return {"status": "ok"}
