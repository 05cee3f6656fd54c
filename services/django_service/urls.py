"""Paths of the role that this replica plays; `/ping` first, every role has it, and last what is not measured."""

from __future__ import annotations

from django.conf import settings
from django.urls import path
from shop.settings import Role

from django_service.docs.urls import urlpatterns as docs_urls
from django_service.ping.views import Ping

urlpatterns = [path("ping", Ping.as_view())]
# Not by include(): each would be one more resolver on the way of every request.
if settings.SHOP_ROLE is Role.CATALOG:
    from django_service.catalog.urls import urlpatterns as catalog_urls

    urlpatterns += catalog_urls
elif settings.SHOP_ROLE is Role.ORDERS:
    from django_service.orders.urls import urlpatterns as orders_urls

    urlpatterns += orders_urls
elif settings.SHOP_ROLE is Role.RECOMMEND:
    from django_service.recommend.urls import urlpatterns as recommend_urls

    urlpatterns += recommend_urls
urlpatterns += docs_urls

handler404 = "django_service.api.views.not_found"
handler500 = "django_service.api.views.internal_error"
