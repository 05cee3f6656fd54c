"""Telemetry of this variant: what FastAPI, Starlette and aiohttp need beside the shared part."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aiohttp
from fastapi import FastAPI
from telemetry.asgi import EXEMPLAR_KEY, Application, Measured, Receive, Sampled, Scope, Send
from telemetry.setup import Telemetry

if TYPE_CHECKING:
    from opentelemetry.trace import Span
    from telemetry.metrics import Metrics


def instrument(app: FastAPI, telemetry: Telemetry) -> Application:
    """The application that is to be served."""
    served: Application = app
    if telemetry.tracing:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
        from telemetry.tracing import NO_METERS

        plain = _with_layers(app, app.build_middleware_stack())
        FastAPIInstrumentor.instrument_app(
            app,
            server_request_hook=_remember,
            tracer_provider=telemetry.tracing.provider,
            meter_provider=NO_METERS,
            exclude_spans=["receive", "send"],
        )
        served = Sampled(app, plain, telemetry.tracing.sampling)
    return Measured(served, telemetry.metrics, _route) if telemetry.metrics else served


def _with_layers(app: FastAPI, layers: Application) -> Application:
    """The application, with other layers of middleware than its own."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = app
        await layers(scope, receive, send)

    return call


def _route(scope: Scope) -> str:
    route = scope.get("route")
    return route.path_format if route else ""


def _remember(span: Span, scope: Scope) -> None:
    """For the exemplar of the request's duration."""
    from telemetry.tracing import ids

    if span.is_recording():
        scope[EXEMPLAR_KEY] = ids(span)


def instrument_client(telemetry: Telemetry, base_url: str) -> list[aiohttp.TraceConfig]:
    """Lets every session trace its requests. What is returned times those of a session that calls `base_url` only."""
    if telemetry.tracing:
        from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
        from telemetry.tracing import NO_METERS

        AioHttpClientInstrumentor().instrument(tracer_provider=telemetry.tracing.provider, meter_provider=NO_METERS)
    return [_timing(telemetry.metrics, base_url)] if telemetry.metrics else []


def _timing(metrics: Metrics, base_url: str) -> aiohttp.TraceConfig:
    from telemetry.metrics import ClientRequest

    duration = metrics.client()

    async def started(session: aiohttp.ClientSession, context: SimpleNamespace, about: Any) -> None:
        context.call = ClientRequest(duration, about.method, base_url).__enter__()

    async def answered(
        session: aiohttp.ClientSession, context: SimpleNamespace, about: aiohttp.TraceRequestEndParams
    ) -> None:
        context.call.status = about.response.status
        context.call.__exit__(None, None, None)

    async def failed(
        session: aiohttp.ClientSession, context: SimpleNamespace, about: aiohttp.TraceRequestExceptionParams
    ) -> None:
        error = about.exception
        context.call.__exit__(type(error), error, error.__traceback__)

    config = aiohttp.TraceConfig()
    config.on_request_start.append(started)
    config.on_request_end.append(answered)
    config.on_request_exception.append(failed)
    return config
