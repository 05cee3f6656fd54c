"""What `make bench-services` holds this variant against: Flask alone, and one view written by hand.

`python -m flask_service.baselines ping` or `product`; same server, same environment as the variant.
"""

from __future__ import annotations

import os
import sys

from flask import Flask
from flask.typing import ResponseReturnValue
from serving.wsgi import serve
from shop.settings import Settings

from flask_service.catalog.models import Product
from flask_service.database import Database


def ping() -> Flask:
    app = Flask(__name__)

    @app.get("/ping")
    def ping() -> ResponseReturnValue:
        return {"status": "ok"}

    return app


def product(settings: Settings) -> Flask:
    assert settings.database is not None
    app = ping()  # with which the lab finds out that it answers
    database = Database()
    database.init_app(app, settings.database, settings.database_connections)

    @app.get("/products/<int:product_id>")
    def product(product_id: int) -> ResponseReturnValue:
        with database.autocommit() as session:
            found = session.get_one(Product, product_id)
        return {
            "id": found.id,
            "sku": found.sku,
            "name": found.name,
            "description": found.description,
            "category": found.category,
            "price": {"amount_minor": found.price_minor, "currency": found.currency},
            "created_at": found.created_at.isoformat(),
            "updated_at": found.updated_at.isoformat(),
        }

    return app


if __name__ == "__main__":
    settings = Settings.or_exit(os.environ)
    serve(lambda _: ping() if sys.argv[1] == "ping" else product(settings), settings)
