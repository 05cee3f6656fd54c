"""Telemetry of this variant: what FastAPI, Starlette and aiohttp need beside the shared part."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from shop.routes import NO_ROUTE
from telemetry import EXEMPLAR_KEY
from telemetry.asgi import Application, Measured, Receive, Sampled, Scope, Send
from telemetry.setup import Telemetry

if TYPE_CHECKING:
    from opentelemetry.trace import Span
    from telemetry.metrics import Metrics

    from fastapi_service.orders.prices import Prices

    Read = Callable[[int], Coroutine[Any, Any, tuple[int, bytes]]]


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
    return route.path_format if route else NO_ROUTE


def _remember(span: Span, scope: Scope) -> None:
    """For the exemplar of the request's duration."""
    from telemetry.tracing import ids

    if span.is_recording():
        scope[EXEMPLAR_KEY] = ids(span)


def time_reads(prices: Prices, base_url: str, telemetry: Telemetry) -> None:
    """From asking the catalog at `base_url` to having all of its answer."""
    if telemetry.metrics:
        prices.read = _timed(prices.read, base_url, telemetry.metrics)  # type: ignore[method-assign, assignment]


def trace_clients(telemetry: Telemetry) -> None:
    """Spans of what aiohttp's sessions ask, those that are made from now on."""
    if telemetry.tracing:
        from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
        from telemetry.tracing import NO_METERS

        AioHttpClientInstrumentor().instrument(tracer_provider=telemetry.tracing.provider, meter_provider=NO_METERS)


def _timed(read: Read, base_url: str, metrics: Metrics) -> Read:
    from telemetry.metrics import ClientRequest

    duration = metrics.client()

    async def timed(product_id: int) -> tuple[int, bytes]:
        with ClientRequest(duration, "GET", base_url) as call:
            call.status, body = await read(product_id)
            return call.status, body

    return timed
