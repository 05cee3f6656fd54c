from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from django_service.api.responses import json_response
from django_service.api.views import ApiView


@cache
def _openapi() -> dict[str, Any]:
    from shop.contract import openapi  # reading YAML is not for replicas that nobody asks

    assert settings.SHOP_ROLE
    return openapi(settings.SHOP_ROLE)


class Document(ApiView):
    def get(self, request: HttpRequest) -> HttpResponse:
        return json_response(_openapi())


class Page(ApiView):
    """Swagger UI, by files of the replica's own."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "docs/page.html")
