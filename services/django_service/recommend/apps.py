from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from shop.nearest import Nearest


class RecommendConfig(AppConfig):
    name = "django_service.recommend"
    nearest: Nearest

    def ready(self) -> None:
        assert settings.SHOP_MODEL
        self.nearest = Nearest(settings.SHOP_MODEL)
