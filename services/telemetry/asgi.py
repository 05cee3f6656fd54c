"""Metrics of an ASGI application's requests, and which of them are traced."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from telemetry import EXEMPLAR_KEY
from telemetry.logs import SPAN_OF_ERROR

if TYPE_CHECKING:
    from telemetry.metrics import Metrics
    from telemetry.sampling import Sampling

RECEIVED_KEY = "telemetry.received"  # when the server had the request, by the clock of perf_counter

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Sampled:
    """The application as instrumentation made it where a request is traced, the plain one where it is not."""

    def __init__(self, traced: Application, plain: Application, sampling: Sampling) -> None:
        from opentelemetry.context import attach, detach

        self._attach, self._detach = attach, detach
        self._traced = traced
        self._plain = plain
        self._sampling = sampling
        self._headers = {name.encode(): name for name in sampling.headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._traced(scope, receive, send)
            return
        names = self._headers
        sent = {names[name]: value.decode("latin-1") for name, value in scope["headers"] if name in names}
        context = self._sampling.dropped(sent)
        if context is None:
            await self._traced(scope, receive, send)
            return
        token = self._attach(context)
        try:
            await self._plain(scope, receive, send)
        finally:
            self._detach(token)


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
        metrics.active[noting_status] = method
        try:
            await self._app(scope, receive, noting_status)
        except Exception as error:
            # The server logs it, after its span has ended.
            setattr(error, SPAN_OF_ERROR, scope.get(EXEMPLAR_KEY, {}))
            raise
        finally:
            del metrics.active[noting_status]
            duration_s = perf_counter() - begin
            metrics.answered(method, self._route_of(scope), status, duration_s, scope.get(EXEMPLAR_KEY))
