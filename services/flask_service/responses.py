"""Answers that Flask does not make of what a view returns."""

from __future__ import annotations

from flask import Response


def no_content() -> Response:
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response
