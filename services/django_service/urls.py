"""Paths of the role that this replica plays; `/ping` first, every role has it."""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from shop.settings import Role

from django_service.ping.views import Ping

urlpatterns: list[URLPattern | URLResolver] = [path("ping", Ping.as_view())]
if settings.SHOP_ROLE is Role.CATALOG:
    urlpatterns.append(path("", include("django_service.catalog.urls")))
elif settings.SHOP_ROLE is Role.ORDERS:
    urlpatterns.append(path("", include("django_service.orders.urls")))

handler404 = "django_service.api.views.not_found"
handler500 = "django_service.api.views.internal_error"
