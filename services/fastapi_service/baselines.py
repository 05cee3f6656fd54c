"""What `make bench-services` holds this variant against: FastAPI alone, and one handler written by hand.

`python -m fastapi_service.baselines ping` or `product`; same server, same environment as the variant.
"""

from __future__ import annotations

import json
import os
import sys

from fastapi import FastAPI, Response
from serving import asgi
from shop.settings import Settings
from sqlalchemy import bindparam, select

from fastapi_service.app import NO_TELEMETRY
from fastapi_service.database import Sessions
from fastapi_service.models import Product


def ping() -> FastAPI:
    app = FastAPI(telemetry=NO_TELEMETRY)

    @app.get("/ping")
    async def ping() -> Response:
        return Response(b'{"status":"ok"}', media_type="application/json")

    return app


def product(settings: Settings) -> FastAPI:
    assert settings.database is not None
    app = ping()  # with which the lab finds out that it answers
    sessions = Sessions.of(settings.database, settings.database_connections)
    statement = select(Product).where(Product.id == bindparam("product_id"))

    @app.get("/products/{product_id}")
    async def product(product_id: int) -> Response:
        async with sessions.single() as session:
            found = (await session.scalars(statement, {"product_id": product_id})).one()
        document = {
            "id": found.id,
            "sku": found.sku,
            "name": found.name,
            "description": found.description,
            "category": found.category,
            "price": {"amount_minor": found.price_minor, "currency": found.currency},
            "created_at": found.created_at.isoformat(),
            "updated_at": found.updated_at.isoformat(),
        }
        return Response(json.dumps(document), media_type="application/json")

    return app


if __name__ == "__main__":
    settings = Settings.or_exit(os.environ)
    asgi.run(lambda _: ping() if sys.argv[1] == "ping" else product(settings), settings)
