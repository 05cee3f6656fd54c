"""Paths of the role `admin`."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from django_service.docs.urls import urlpatterns as docs_urls
from django_service.ping.views import Ping

admin.site.site_title = admin.site.site_header = "Framework Lab shop"
admin.site.index_title = "Products and orders"
admin.site.site_url = None
admin.site.enable_nav_sidebar = False

urlpatterns = [path("ping", Ping.as_view()), path("admin/", admin.site.urls), *docs_urls]
