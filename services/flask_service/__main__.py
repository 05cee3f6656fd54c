"""Starts one replica, configured by its environment: `python -m flask_service`."""

from __future__ import annotations

import os
from functools import partial

from serving.wsgi import serve
from shop.settings import Settings

from flask_service.app import create_app

if __name__ == "__main__":
    settings = Settings.or_exit(os.environ)
    serve(partial(create_app, settings), settings)
