"""Answers whose JSON is already bytes: Pydantic wrote them, nothing is validated or encoded twice."""

from __future__ import annotations

from starlette.responses import Response


class JSON(Response):
    media_type = "application/json"
