"""Starts one replica, configured by its environment: `python -m flask_service`."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from serving.wsgi import serve
from shop.settings import Settings
from telemetry.setup import Telemetry

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def load_app(settings: Settings, telemetry: Telemetry) -> WSGIApplication:
    """In the worker only: the modules that its parent had imported, its garbage collector would copy by looking."""
    from flask_service.app import create_app
    from flask_service.instrumentation import instrument

    return instrument(create_app(settings, telemetry), telemetry)


if __name__ == "__main__":
    settings = Settings.or_exit(os.environ)
    serve(partial(load_app, settings), settings)
