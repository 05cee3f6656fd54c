from __future__ import annotations

from django.apps import AppConfig


class DocsConfig(AppConfig):
    name = "django_service.docs"
