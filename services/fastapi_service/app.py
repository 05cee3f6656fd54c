"""The application of one replica: the routers of its role, and the pools they use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Response
from fastapi.telemetry import TelemetryConfig
from shop.settings import Role, Settings

from fastapi_service import catalog, errors, orders

NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False}


def create_app(settings: Settings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        """Owns the pools; what it yields is `request.state`."""
        match settings.role:
            case Role.CATALOG:
                async with catalog.lifespan(settings) as service:
                    yield {"catalog": service}
            case Role.ORDERS:
                async with orders.lifespan(settings) as service:
                    yield {"orders": service}
            case Role.PING:
                yield {}

    app = FastAPI(
        title="Framework Lab shop",
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        telemetry=NO_TELEMETRY,
    )
    app.state.token_key = settings.token_key

    @app.api_route("/ping", methods=["GET", "HEAD"])  # first: routes are tried in this order
    async def ping() -> Response:
        return Response(b'{"status":"ok"}', media_type="application/json")

    match settings.role:
        case Role.CATALOG:
            app.include_router(catalog.router)
        case Role.ORDERS:
            app.include_router(orders.router)
    errors.install(app)
    return app
