"""Answers whose JSON is already bytes: Pydantic wrote them, and nothing is validated or encoded again."""

from __future__ import annotations

from starlette.responses import Response


class JSON(Response):
    media_type = "application/json"
