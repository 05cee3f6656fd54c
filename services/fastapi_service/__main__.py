"""Starts one replica: `python -m fastapi_service`, configured by the environment."""

from __future__ import annotations

import os

from serving import asgi
from shop.settings import Settings

from fastapi_service.app import create_app

if __name__ == "__main__":
    settings = Settings.or_exit(os.environ)
    asgi.run(create_app(settings), settings)
