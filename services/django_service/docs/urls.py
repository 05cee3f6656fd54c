from __future__ import annotations

from pathlib import Path

import drf_spectacular_sidecar
from django.urls import path
from django.views.static import serve

from django_service.docs.views import Document, Page

# Of this package nothing is used but the files of Swagger UI.
SWAGGER_UI = Path(drf_spectacular_sidecar.__file__).parent / "static" / "drf_spectacular_sidecar" / "swagger-ui-dist"

urlpatterns = [
    path("openapi.json", Document.as_view()),
    path("docs", Page.as_view()),
    path("docs/<path:path>", serve, {"document_root": SWAGGER_UI}),
]
