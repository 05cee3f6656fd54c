"""What libraries that several services use tell of themselves: SQLAlchemy, redis-py, urllib3, thread pools.

Each function takes what the service made and adds to it what the mode asks for; `off` adds nothing.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from telemetry.setup import Telemetry

if TYPE_CHECKING:
    from prometheus_client import Histogram
    from sqlalchemy import Engine


def sqlalchemy(engine: Engine, telemetry: Telemetry) -> None:
    """Spans of statements, and the pool. A span for each time that a connection is had is not wanted: other libraries
    make none, and the pool's metrics say more."""
    if telemetry.metrics:
        _watch_pool(engine, telemetry)
    if telemetry.tracing:
        from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
        from opentelemetry.instrumentation.utils import unwrap
        from sqlalchemy import Engine

        from telemetry.tracing import NO_METERS

        instrumentor = SQLAlchemyInstrumentor()
        instrumentor.instrument(engine=engine, tracer_provider=telemetry.tracing.provider, meter_provider=NO_METERS)
        unwrap(Engine, "connect")


def _watch_pool(engine: Engine, telemetry: Telemetry) -> None:
    """Times `_do_get`, in which a QueuePool waits; SQLAlchemy has no event for it."""
    assert telemetry.metrics
    pool: Any = engine.pool
    get, waiting = pool._do_get, set[object]()
    wait_time = telemetry.metrics.watch_connections(
        pool.size(), lambda: {"idle": pool.checkedin(), "used": pool.checkedout()}, lambda: len(waiting)
    )

    def timed_get() -> Any:
        one, begin = object(), perf_counter()
        waiting.add(one)
        try:
            return get()
        finally:
            waiting.discard(one)
            wait_time.observe(perf_counter() - begin)

    pool._do_get = timed_get


def redis(telemetry: Telemetry) -> None:
    """Spans of every client's commands, keys and values left out."""
    if telemetry.tracing:
        from opentelemetry.instrumentation.redis import RedisInstrumentor

        from telemetry.tracing import NO_METERS

        RedisInstrumentor().instrument(tracer_provider=telemetry.tracing.provider, meter_provider=NO_METERS)


def executor(pool: str, executor: ThreadPoolExecutor, telemetry: Telemetry) -> None:
    """The threads that the service has beside those that serve requests."""
    if telemetry.metrics:
        telemetry.metrics.watch_threads(
            pool,
            executor._max_workers,
            lambda: len(executor._threads) - executor._idle_semaphore._value,
            executor._work_queue.qsize,
        )


class _Client(Protocol):
    request: Any


def urllib3(client: _Client, base_url: str, telemetry: Telemetry) -> None:
    """Times and spans of the requests that `client`, a pool of connections to `base_url`, is asked for."""
    if telemetry.metrics:
        client.request = _timed(client.request, base_url, telemetry.metrics.client())
    if telemetry.tracing:
        from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor

        from telemetry.tracing import NO_METERS

        URLLib3Instrumentor().instrument(tracer_provider=telemetry.tracing.provider, meter_provider=NO_METERS)


def _timed(request: Any, base_url: str, duration: Histogram) -> Any:
    from telemetry.metrics import ClientRequest

    def timed(method: str, url: str, **options: Any) -> Any:
        with ClientRequest(duration, method, base_url) as call:
            response = request(method, url, **options)
            call.status = response.status
            return response

    return timed
