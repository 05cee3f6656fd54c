"""Starts one replica: `python -m fastapi_service`, configured by the environment."""

from __future__ import annotations

import os
from functools import partial

from serving import asgi
from shop.settings import Settings
from telemetry.asgi import Application
from telemetry.setup import Telemetry

from fastapi_service.app import create_app
from fastapi_service.instrumentation import instrument


def application(settings: Settings, telemetry: Telemetry) -> Application:
    return instrument(create_app(settings, telemetry), telemetry)


if __name__ == "__main__":
    settings = Settings.or_exit(os.environ)
    asgi.run(partial(application, settings), settings)
