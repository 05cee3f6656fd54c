from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import drf_spectacular_sidecar
from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from django_service.api.responses import json_response
from django_service.api.views import ApiView

# Of this package nothing is used but the files of Swagger UI.
SWAGGER_UI = Path(drf_spectacular_sidecar.__file__).parent / "static" / "drf_spectacular_sidecar" / "swagger-ui-dist"


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


class File(ApiView):
    """One of Swagger UI's."""

    def get(self, request: HttpRequest, name: str) -> FileResponse:
        file = SWAGGER_UI / name
        if file not in SWAGGER_UI.iterdir():
            raise Http404("Nothing has this path")
        return FileResponse(file.open("rb"))
