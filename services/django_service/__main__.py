"""Starts one replica, configured by the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from serving.wsgi import serve
from shop.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def load_app() -> WSGIApplication:
    os.environ["DJANGO_SETTINGS_MODULE"] = "django_service.settings"
    from django.core.wsgi import get_wsgi_application
    from django.urls import get_resolver

    application = get_wsgi_application()
    _ = get_resolver().url_patterns  # imports every view now, not with the first request
    return application


if __name__ == "__main__":
    serve(load_app, Settings.or_exit(os.environ))
