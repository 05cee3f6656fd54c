"""Metrics of a WSGI application's requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

from telemetry.metrics import NO_ROUTE, Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROUTE_KEY = "telemetry.route"  # the contract's path, put into the environment by the application
EXEMPLAR_KEY = "telemetry.exemplar"


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

    __slots__ = ("_active", "_begin", "_environ", "_metrics", "body", "status")

    def __init__(self, metrics: Metrics, environ: WSGIEnvironment) -> None:
        self._metrics = metrics
        self._environ = environ
        self._active = metrics.active(environ["REQUEST_METHOD"])
        self._active.inc()
        self.body: Iterable[bytes] = ()
        self.status = 500  # of an application that raises before it answers
        self._begin = perf_counter()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.body)

    def close(self) -> None:
        try:
            if hasattr(self.body, "close"):
                self.body.close()
        finally:
            duration_s = perf_counter() - self._begin
            self._active.dec()
            environ = self._environ
            route, exemplar = environ.get(ROUTE_KEY, NO_ROUTE), environ.get(EXEMPLAR_KEY)
            self._metrics.answered(environ["REQUEST_METHOD"], route, self.status, duration_s, exemplar)
