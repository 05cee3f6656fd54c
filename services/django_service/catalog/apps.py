from __future__ import annotations

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "django_service.catalog"
