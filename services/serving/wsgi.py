"""Serves a WSGI application with gunicorn: one worker process whose threads are as many as database connections.

A thread holds at most one connection, so the threads are the budget. What gunicorn's threaded worker does not do by
itself, and `runtime.md` asks for: it listens only once the application is loaded, lets no silent or slowly closing
connection hold a thread or the dispatcher, takes the accept queue with it when it ends, marks every answer after
SIGTERM `Connection: close`, and ends in time, also when its parent was killed.
"""

from __future__ import annotations

import errno
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http.message import Request
from gunicorn.http.wsgi import Response
from gunicorn.sock import TCPSocket
from gunicorn.workers import gthread
from shop.settings import Settings, exit_with
from shop.settings import Telemetry as Mode
from telemetry import logs
from telemetry.runtime import Busy
from telemetry.setup import OFF, Telemetry, check, start

from serving.backlog import accept_queue_length
from serving.health import Health, Progress
from serving.streams import ENVIRON_KEY, Streams

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

KEEP_ALIVE_S = 75  # longer than clients keep a connection: they renew it, not the server
ENDS_WITHIN_S = 9
LINGER_S = 2
DRAINED_BYTES = 65_536  # and no more, of a body that the application did not read
DISCARD_BYTES = 65_536
NOBODY_THERE = {errno.EAGAIN, errno.ECONNABORTED}


LoadApp = Callable[[Telemetry], "WSGIApplication"]


def serve(load_app: LoadApp, settings: Settings) -> NoReturn:
    """Runs until SIGTERM or SIGINT, then exits with code 0; with 2 and one line for each port that is taken.

    `load_app` runs in the worker process, before it listens.
    """
    logs.configure(settings)
    check(settings, os.environ)
    _exit_if_taken(settings)
    gthread.STOP_KEEPALIVE_LINGER = settings.drain_s
    _Server(load_app, settings).run()
    raise SystemExit(0)


def _exit_if_taken(settings: Settings) -> None:
    """Gunicorn would start workers that cannot listen again and again. Binding without listening disturbs nobody."""
    problems = []
    for name, port, shared in (("LAB_PORT", settings.port, True), ("LAB_METRICS_PORT", settings.metrics_port, False)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
            try:
                probe.bind((settings.host, port))
            except OSError as error:
                problems.append(f"{name}: cannot bind {settings.host}:{port}: {error.strerror}")
    if problems:
        exit_with(problems)


class _Server(BaseApplication):
    """Gunicorn's custom application: configuration from `settings`, nothing from files, arguments or environment."""

    def __init__(self, load_app: LoadApp, settings: Settings) -> None:
        self.load_app = load_app
        self.settings = settings
        self.telemetry = OFF
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": [],  # the worker listens itself
            "reuse_port": True,
            "workers": 1,
            "worker_class": Worker if self.settings.telemetry is Mode.OFF else TimedWorker,
            "threads": self.settings.database_connections,
            "keepalive": KEEP_ALIVE_S,
            "graceful_timeout": ENDS_WITHIN_S,
            "limit_request_line": 8190,
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "control_socket_disable": True,
            "loglevel": "warning",
            "errorlog": None,
            "logger_class": _Logger,
            "when_ready": _sigint_as_sigterm,
            "pre_request": _announce_close_if_unread,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApplication:
        return self.load_app(self.telemetry)


class _Logger(Logger):
    """Leaves what it has to say to the root logger."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        self.error_log.propagate = True


def _sigint_as_sigterm(arbiter: Arbiter) -> None:
    arbiter.handle_int = arbiter.handle_term


def _announce_close_if_unread(worker: Worker, request: Request) -> None:
    """Gunicorn gives up reading a body that the application left at this size: the client must know before."""
    if getattr(request.body.reader, "length", DRAINED_BYTES) >= DRAINED_BYTES:
        request.force_close()


class Connection(gthread.TConn):
    """Gunicorn's connection, except that the dispatcher does not stand still while a client takes its time to close."""

    linger: Callable[[Connection], None]
    queued_at: float
    begun_at: float

    def close(self, graceful: bool = False) -> None:
        if graceful:
            self.linger(self)
        else:
            super().close()


class Worker(gthread.ThreadWorker):
    """Gunicorn's threaded worker, with health and with the ending of `runtime.md`."""

    app: _Server
    wsgi: WSGIApplication

    def init_process(self) -> None:
        settings = self.app.settings
        self.app.telemetry = telemetry = start(settings)
        self.cfg.set("graceful_timeout", int(ENDS_WITHIN_S - telemetry.ends_within_s))  # its parent's stays
        self.health = Health(Progress(), telemetry.metrics)
        self.health.serve(settings.host, settings.metrics_port)
        self.streams = Streams(settings.database_connections)
        super().init_process()

    def init_signals(self) -> None:
        super().init_signals()
        signal.signal(signal.SIGINT, self.handle_exit)

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.wsgi = self.with_streams(self.wsgi)
        address = (self.app.settings.host, self.app.settings.port)
        self.sockets = [TCPSocket(address, self.cfg, self.log)]

    def with_streams(self, app: WSGIApplication) -> WSGIApplication:
        def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            environ[ENVIRON_KEY] = self.streams
            return app(environ, start_response)

        return call

    def run(self) -> None:
        self.health.ready = self.alive
        try:
            super().run()
        finally:
            self.app.telemetry.shutdown()

    def notify(self) -> None:
        self.health.progress.made()
        super().notify()

    def is_parent_alive(self) -> bool:
        if super().is_parent_alive():
            return True
        self.handle_exit(signal.SIGTERM, None)
        return False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.alive:
            self.health.ready = False
            Response.should_close = _announce_close
            signal.alarm(ENDS_WITHIN_S + 1)  # a request that never ends does not keep the process
            self.streams.end()
        super().handle_exit(sig, frame)

    def accept(self, listener: TCPSocket) -> None:
        self.take(listener)

    def take(self, listener: TCPSocket) -> bool:
        """Accepts one connection if there is one. It waits in the poller, as kept-alive ones do, for its request."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in NOBODY_THERE:
                return False
            raise
        conn = Connection(self.cfg, client, address, listener.getsockname())
        conn.linger = self.linger
        conn.data_ready = True
        conn.set_timeout()
        self.nr_conns += 1
        self.keepalived_conns.append(conn)
        self.poller.register(client, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))
        return True

    def linger(self, conn: Connection) -> None:
        """Says that no more will be sent, and reads what the client still sends: closing now could lose the answer."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            conn.close()
            return
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + LINGER_S
        self.nr_conns += 1
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.discard, conn))

    def discard(self, conn: Connection, client: socket.socket) -> None:
        with suppress(OSError):
            if client.recv(DISCARD_BYTES):
                return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        self.nr_conns -= 1
        conn.close()

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            while self.sockets:
                listener = self.sockets.pop()
                while self.take(listener):
                    pass
                listener.close()


class TimedWorker(Worker):
    """The same, with queues that can be seen."""

    def init_process(self) -> None:
        self.busy = Busy()
        super().init_process()

    def load_wsgi(self) -> None:
        super().load_wsgi()
        metrics = self.app.telemetry.metrics
        assert metrics
        self.queue_time = metrics.queue_time
        metrics.watch_queue("accept", partial(accept_queue_length, self.sockets[0].sock))
        metrics.watch_queue("executor", self.tpool._work_queue.qsize)
        metrics.watch_workers(self.cfg.threads, self.busy.seconds)

    def enqueue_req(self, conn: Connection) -> None:
        conn.queued_at = time.perf_counter()
        super().enqueue_req(conn)

    def handle(self, conn: Connection) -> object:
        conn.begun_at = self.busy.begin()
        try:
            return super().handle(conn)
        finally:
            self.busy.end()

    def handle_request(self, req: Request, conn: Connection) -> object:
        """Not reached by a connection that was only closed."""
        self.queue_time.observe(conn.begun_at - conn.queued_at)
        return super().handle_request(req, conn)


_should_close = Response.should_close


def _announce_close(response: Any) -> bool:
    """Replaces Response.should_close once the worker ends: an answer whose head was sent keeps what it announced."""
    if not response.headers_sent:
        response.force_close()
    return bool(_should_close(response))
