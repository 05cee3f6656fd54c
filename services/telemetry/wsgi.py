"""Metrics of a WSGI application's requests, and what makes their spans the same in every framework."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextvars import Context, copy_context
from time import perf_counter
from typing import TYPE_CHECKING, Any

from shop.routes import NO_ROUTE

from telemetry import EXEMPLAR_KEY
from telemetry.logs import SPAN_OF_ERROR

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from opentelemetry.trace import Span

    from telemetry.metrics import Metrics
    from telemetry.sampling import Sampling

ROUTE_KEY = "telemetry.route"  # the contract's path if the request has one, put into the environment by the application
CONTEXT_KEY = "telemetry.context"  # of a request that may be traced
DROPPED_KEY = "telemetry.dropped"  # there if it is not


class Sampled:
    """The application as instrumentation made it where a request is traced, the plain one where it is not."""

    def __init__(self, traced: WSGIApplication, plain: WSGIApplication, sampling: Sampling) -> None:
        from opentelemetry.context import attach

        self._attach = attach
        self._traced = traced
        self._plain = plain
        self._sampling = sampling
        self._headers = [(f"HTTP_{name.upper().replace('-', '_')}", name) for name in sampling.headers]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        sent = {name: environ[key] for key, name in self._headers if key in environ}
        dropped = self._sampling.dropped(sent)
        if dropped is None:
            return self._traced(environ, start_response)
        environ[DROPPED_KEY] = True
        context = environ[CONTEXT_KEY] = copy_context()
        context.run(self._attach, dropped)
        return context.run(self._plain, environ, start_response)


class Measured:
    """The application, measured until its answer is closed."""

    def __init__(self, app: WSGIApplication, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = _Request(self._metrics, environ)

        def noting_status(status: str, *more: Any) -> Any:
            request.status = int(status[:3])
            return start_response(status, *more)

        try:
            request.body = self._app(environ, noting_status)
        except BaseException:
            request.close()
            raise
        return request


class _Request:
    """The answer's body, which the server closes when it has sent it, or can't any more."""

    __slots__ = ("_begin", "_environ", "_metrics", "body", "status")

    def __init__(self, metrics: Metrics, environ: WSGIEnvironment) -> None:
        self._metrics = metrics
        self._environ = environ
        metrics.active[self] = environ["REQUEST_METHOD"]
        self.body: Iterable[bytes] = ()
        self.status = 500  # of an application that raises before it answers
        self._begin = perf_counter()

    def __iter__(self) -> Iterator[bytes]:
        return _within(self._environ, self.body) if CONTEXT_KEY in self._environ else iter(self.body)

    def close(self) -> None:
        environ = self._environ
        try:
            if close := getattr(self.body, "close", None):
                context = environ.get(CONTEXT_KEY)
                context.run(close) if context else close()
        finally:
            duration_s = perf_counter() - self._begin
            self._metrics.active.pop(self, None)
            route, exemplar = environ.get(ROUTE_KEY, NO_ROUTE), environ.get(EXEMPLAR_KEY)
            self._metrics.answered(environ["REQUEST_METHOD"], route, self.status, duration_s, exemplar)


def _within(environ: WSGIEnvironment, body: Iterable[bytes]) -> Iterator[bytes]:
    """What a stream does belongs to its request's trace, although instrumentation lets its span end with the head."""
    context: Context = environ[CONTEXT_KEY]
    parts = iter(body)
    try:
        while (part := context.run(next, parts, None)) is not None:
            yield part
    except Exception as error:
        setattr(error, SPAN_OF_ERROR, environ.get(EXEMPLAR_KEY, {}))  # the server logs it
        raise


def describe(span: Span, environ: WSGIEnvironment) -> None:
    """To be called within the server's span when its answer begins, whether or not it is sampled.

    Instrumentation writes the framework's own notation of a path, or the path as it was sent.
    """
    environ[CONTEXT_KEY] = copy_context()
    if not span.is_recording():
        return
    from opentelemetry.util.http import sanitize_method

    from telemetry.tracing import ids

    method = sanitize_method(environ["REQUEST_METHOD"])
    name = "HTTP" if method == "_OTHER" else method
    if route := environ.get(ROUTE_KEY):
        name = f"{name} {route}"
        span.set_attribute("http.route", route)
    span.update_name(name)
    environ[EXEMPLAR_KEY] = ids(span)
