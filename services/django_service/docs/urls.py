from __future__ import annotations

from django.urls import path

from django_service.docs.views import Document, File, Page

urlpatterns = [
    path("openapi.json", Document.as_view()),
    path("docs", Page.as_view()),
    path("docs/<str:name>", File.as_view()),
]
