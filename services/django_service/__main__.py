"""Starts one replica, configured by the environment."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from serving.wsgi import serve
from shop.settings import Role, Settings
from telemetry.setup import Telemetry

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def load_app(role: Role, telemetry: Telemetry) -> WSGIApplication:
    module = "django_service.backoffice.settings" if role is Role.ADMIN else "django_service.settings"
    os.environ["DJANGO_SETTINGS_MODULE"] = module
    import django
    from django.urls import get_resolver

    django.setup(set_prefix=False)
    from django_service.instrumentation import application

    instrumented = application(telemetry)
    _ = get_resolver().url_patterns  # imports every view now, not with the first request
    return instrumented


if __name__ == "__main__":
    settings = Settings.or_exit(os.environ, tuple(Role))
    serve(partial(load_app, settings.role), settings)
