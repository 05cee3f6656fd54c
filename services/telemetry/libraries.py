"""What libraries that several services use tell of themselves: SQLAlchemy, redis-py, urllib3, thread pools.

Each function takes what the service made and adds to it what the mode asks for; `off` adds nothing.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from time import perf_counter
from typing import TYPE_CHECKING, Any

from telemetry.setup import Telemetry

if TYPE_CHECKING:
    from opentelemetry.trace import Span
    from prometheus_client import Histogram
    from sqlalchemy import Engine
    from sqlalchemy.engine import ExceptionContext
    from urllib3 import HTTPConnectionPool
    from urllib3._request_methods import RequestMethods


def instrument_sqlalchemy(engine: Engine, telemetry: Telemetry) -> None:
    """Spans of statements, and the pool. A span for each time that a connection is had is not wanted: other libraries
    make none, and the pool's metrics say more."""
    if telemetry.metrics:
        _watch_pool(engine, telemetry)
    if telemetry.tracing:
        from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
        from opentelemetry.instrumentation.utils import unwrap
        from sqlalchemy import Engine, event

        from telemetry.tracing import NO_METERS

        event.listen(engine, "handle_error", _statement_failed)  # the instrumentation's own does nothing after it
        instrumentor = SQLAlchemyInstrumentor()
        instrumentor.instrument(engine=engine, tracer_provider=telemetry.tracing.provider, meter_provider=NO_METERS)
        unwrap(Engine, "connect")


def _statement_failed(context: ExceptionContext) -> None:
    execution: Any = context.execution_context
    if span := getattr(execution, "_otel_span", None):
        execution._otel_span = None
        if span.is_recording():  # otherwise it has ended, and rows were being fetched
            failed(span, context.original_exception)
            span.end()


def failed(span: Span, error: BaseException) -> None:
    """A statement's span says that it failed by SQLSTATE if there is one: what PostgreSQL writes quotes values."""
    from opentelemetry.trace import Status, StatusCode

    if span.is_recording():
        span.set_attribute("error.type", getattr(error, "sqlstate", None) or type(error).__name__)
        span.set_status(Status(StatusCode.ERROR))


def _watch_pool(engine: Engine, telemetry: Telemetry) -> None:
    """Times `connect`, in which whoever wants a connection waits; SQLAlchemy has no event for it."""
    assert telemetry.metrics
    pool: Any = engine.pool
    connect, waiting = pool.connect, set[object]()
    wait_time = telemetry.metrics.watch_connections(
        pool.size(), lambda: {"idle": pool.checkedin(), "used": pool.checkedout()}, lambda: len(waiting)
    )

    def timed_connect() -> Any:
        one, begin = object(), perf_counter()
        waiting.add(one)
        try:
            return connect()
        finally:
            waiting.discard(one)
            wait_time.observe(perf_counter() - begin)

    pool.connect = timed_connect


def instrument_redis(telemetry: Telemetry) -> None:
    """Spans of every client's commands, keys and values left out."""
    if telemetry.tracing:
        from opentelemetry.instrumentation.redis import RedisInstrumentor

        from telemetry.tracing import NO_METERS

        RedisInstrumentor().instrument(tracer_provider=telemetry.tracing.provider, meter_provider=NO_METERS)


def instrument_executor(name: str, pool: ThreadPoolExecutor, telemetry: Telemetry) -> None:
    """Threads that the service has beside those that serve requests; they work within the trace of who asks them."""
    if telemetry.metrics is None:
        return
    submit, active = pool.submit, set[object]()
    telemetry.metrics.watch_threads(name, pool._max_workers, lambda: len(active), pool._work_queue.qsize)

    def work(task: Any, *args: Any, **options: Any) -> Any:
        one = object()
        active.add(one)
        try:
            return task(*args, **options)
        finally:
            active.discard(one)

    def submit_counted(task: Any, /, *args: Any, **options: Any) -> Future[Any]:
        if telemetry.tracing:
            return submit(work, copy_context().run, task, *args, **options)
        return submit(work, task, *args, **options)

    pool.submit = submit_counted  # type: ignore[method-assign]


def instrument_urllib3(client: RequestMethods, base_url: str, telemetry: Telemetry) -> None:
    """Times and spans of the requests that `client`, a pool of connections to `base_url`, is asked for."""
    if telemetry.metrics:
        timed = _timed(client.request, base_url, telemetry.metrics.client())
        client.request = timed  # type: ignore[method-assign]
    if telemetry.tracing:
        from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor

        from telemetry.tracing import NO_METERS

        URLLib3Instrumentor().instrument(
            request_hook=_name_server, tracer_provider=telemetry.tracing.provider, meter_provider=NO_METERS
        )


def _name_server(span: Span, pool: HTTPConnectionPool, request: object) -> None:
    """Of the convention's attributes the two that the instrumentation leaves out."""
    if span.is_recording():
        span.set_attribute("server.address", pool.host)
        if pool.port:
            span.set_attribute("server.port", pool.port)


def _timed(request: Any, base_url: str, duration: Histogram) -> Any:
    from telemetry.metrics import ClientRequest

    def timed(method: str, url: str, **options: Any) -> Any:
        with ClientRequest(duration, method, base_url) as call:
            response = request(method, url, **options)
            call.status = response.status
            return response

    return timed
