"""Answers as compact JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpResponse, JsonResponse
from shop.problems import MEDIA_TYPE, Problem

COMPACT = {"separators": (",", ":")}


def json_bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def json_response(
    document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    return JsonResponse(document, status=status, headers=headers, json_dumps_params=COMPACT)


def problem_response(problem: Problem) -> HttpResponse:
    return JsonResponse(
        problem.document(),
        status=problem.status,
        content_type=MEDIA_TYPE,
        headers=problem.headers,
        json_dumps_params=COMPACT,
    )


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC; Django reads timestamps in UTC."""
    return moment.isoformat().removesuffix("+00:00") + "Z"
