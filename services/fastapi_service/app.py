"""The application of one replica: the router of its role, and the pools that it uses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, Literal

from fastapi import FastAPI, Response
from fastapi.telemetry import TelemetryConfig
from shop.settings import Role, Settings
from telemetry.setup import OFF, Telemetry
from typing_extensions import TypedDict

from fastapi_service import errors
from fastapi_service.fields import output
from fastapi_service.published import PublishedAPI, operation_id

NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False}


@output
class Pong(TypedDict):
    status: Literal["ok"]


def create_app(settings: Settings, telemetry: Telemetry = OFF) -> FastAPI:
    """Its pools tell of themselves what `telemetry` asks for; `telemetry.instrument` lets its requests do so."""
    # The others are not even imported: their libraries take memory.
    role = None if settings.role is Role.PING else import_module(f"fastapi_service.{settings.role}")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        """Owns the pools; what it yields is `request.state`."""
        if role is None:
            yield {}
        else:
            async with role.lifespan(settings, telemetry) as service:
                yield {settings.role.value: service}

    app = PublishedAPI(
        title="Framework Lab shop",
        openapi_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        lifespan=lifespan,
        telemetry=NO_TELEMETRY,
    )
    app.state.token_key = settings.token_key

    # Routes are tried in this order: what is asked for most comes first, the document and its page last.
    @app.api_route("/ping", methods=["GET", "HEAD"], tags=["ping"], response_model=Pong)
    async def ping() -> Response:
        return Response(b'{"status":"ok"}', media_type="application/json")

    if role is not None:
        app.include_router(role.router)
    app.openapi_url = "/openapi.json"
    app.setup()
    errors.install(app)
    return app
