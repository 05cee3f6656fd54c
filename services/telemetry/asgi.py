"""Metrics of an ASGI application's requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from telemetry.logs import SPAN_OF_ERROR

if TYPE_CHECKING:
    from telemetry.metrics import Metrics

RECEIVED_KEY = "telemetry.received"  # when the server had the request, by the clock of perf_counter
EXEMPLAR_KEY = "telemetry.exemplar"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Measured:
    """The application, measured. `route_of` reads the contract's path from the scope of a request that was answered."""

    def __init__(self, app: Application, metrics: Metrics, route_of: Callable[[Scope], str]) -> None:
        self._app = app
        self._metrics = metrics
        self._route_of = route_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = perf_counter()
        method: str = scope["method"]
        status = 500  # of an application that raises before it answers

        async def noting_status(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        metrics = self._metrics
        if (received := scope.get(RECEIVED_KEY)) is not None:
            metrics.queue_time.observe(begin - received)
        active = metrics.active(method)
        active.inc()
        try:
            await self._app(scope, receive, noting_status)
        except Exception as error:
            # The server logs it, after its span has ended.
            setattr(error, SPAN_OF_ERROR, scope.get(EXEMPLAR_KEY, {}))
            raise
        finally:
            active.dec()
            duration_s = perf_counter() - begin
            metrics.answered(method, self._route_of(scope), status, duration_s, scope.get(EXEMPLAR_KEY))
