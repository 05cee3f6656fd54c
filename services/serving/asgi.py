"""Runs an ASGI application as one replica: one process, one event loop, health on a thread of its own.

Ending is `services/contract/runtime.md`'s: uvicorn's own shutdown closes idle connections at once and so loses requests
that are on their way. Nothing here costs a request anything while the replica serves. `request.state.ending` is an
asyncio.Event, set when the replica begins to end: the application ends its streams then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from types import FrameType
from typing import cast

import uvicorn
from shop.settings import Settings, exit_with
from telemetry import logs
from telemetry.asgi import RECEIVED_KEY, Application
from telemetry.runtime import thread_cpu_s, watch_loop
from telemetry.setup import Telemetry, check, start
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.backlog import accept_queue_length
from serving.health import Health, Progress

# Longer than clients keep idle connections, so that it is they who close them.
KEEP_ALIVE_S = 75
END_WITHIN_S = 10.0
# What is left of it for the application to close its pools.
APPLICATION_END_S = 1.0
POLL_S = 0.02


def run(create_app: Callable[[Telemetry], Application], settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT. A port that cannot be had ends the process with exit code 2."""
    logs.configure(settings)
    check(settings, os.environ)
    telemetry = start(settings)
    health = Health(Progress(), telemetry.metrics)
    try:
        health.serve(settings.host, settings.metrics_port)
    except OSError as error:
        exit_with([f"LAB_METRICS_PORT: cannot bind {settings.host}:{settings.metrics_port}: {error.strerror}"])
    listener = _bind(settings.host, settings.port)
    if metrics := telemetry.metrics:
        metrics.watch_queue("accept", partial(accept_queue_length, listener))
        metrics.watch_workers(1, thread_cpu_s())
    config = uvicorn.Config(
        create_app(telemetry),
        loop="uvloop",
        http=_TimedProtocol if telemetry.metrics else HttpToolsProtocol,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        reset_contextvars=telemetry.tracing is not None,  # or a pipelined request is part of its predecessor's trace
    )
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises its signal again when it has ended
        _Server(config, health, telemetry, settings.drain_s).run(sockets=[listener])


def _bind(host: str, port: int) -> socket.socket:
    """A socket that does not listen yet: the kernel gives it connections only once the application has started."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        exit_with([f"LAB_PORT: cannot bind {host}:{port}: {error.strerror}"])
    return listener


class _TimedProtocol(HttpToolsProtocol):
    """Notes when a request came, for those who want to know how long it waited for the loop."""

    def on_headers_complete(self) -> None:
        self.scope[RECEIVED_KEY] = perf_counter()  # type: ignore[literal-required]
        super().on_headers_complete()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, health: Health, telemetry: Telemetry, drain_s: float) -> None:
        super().__init__(config)
        self._health = health
        self._telemetry = telemetry
        self._drain_s = drain_s

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending = asyncio.Event()
        self.lifespan.state["ending"] = self._ending
        if self._telemetry.metrics:
            watch_loop(self._telemetry.metrics, asyncio.get_running_loop())
        await super().startup(sockets)
        self._health.ready = not self.should_exit

    async def on_tick(self, counter: int) -> bool:
        self._health.progress.made()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._health.ready = False
        super().handle_exit(signal.Signals(sig), frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await self._end(sockets or [])
        finally:
            self._telemetry.shutdown()

    async def _end(self, sockets: Sequence[socket.socket]) -> None:
        clock = asyncio.get_running_loop().time
        begin = clock()
        end = begin + END_WITHIN_S - self._telemetry.ends_within_s
        self._ending.set()
        self._announce_close()
        await self._stop_accepting(sockets)
        await self._until_closed(begin + self._drain_s)
        await asyncio.sleep(0)  # one more round of the loop reads what has arrived meanwhile
        for connection in self._connections:
            connection.shutdown()
        await self._until_closed(end - APPLICATION_END_S)
        for task in list(self.server_state.tasks):
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(end - POLL_S):
                await self.lifespan.shutdown()

    @property
    def _connections(self) -> list[HttpToolsProtocol]:
        return cast("list[HttpToolsProtocol]", list(self.server_state.connections))

    def _announce_close(self) -> None:
        """Marks every answer from now on `Connection: close`, after which uvicorn closes the connection itself."""
        self.server_state.default_headers.append((b"connection", b"close"))
        for connection in self._connections:
            if connection.cycle is not None:  # a request in progress has its headers already
                connection.cycle.keep_alive = False

    async def _stop_accepting(self, listeners: Sequence[socket.socket]) -> None:
        """Closes the listeners, and takes the connections that wait in their queues: closing would reset those."""
        queues = [listener.dup() for listener in listeners]
        for server in self.servers:
            server.close()
        waiting = [connection for queue in queues for connection in _accept_all(queue)]
        loop = asyncio.get_running_loop()
        for connection in waiting:
            with contextlib.suppress(OSError):  # its client has given up
                await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        protocol = cast("type[HttpToolsProtocol]", self.config.http_protocol_class)
        return protocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    async def _until_closed(self, deadline: float) -> None:
        clock, state = asyncio.get_running_loop().time, self.server_state
        while (state.connections or state.tasks) and clock() < deadline and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)


def _accept_all(queue: socket.socket) -> list[socket.socket]:
    """Every connection in the accept queue; closes it."""
    queue.setblocking(False)
    connections = []
    with queue, contextlib.suppress(BlockingIOError):
        while True:
            connections.append(queue.accept()[0])
    return connections
