"""Health and metrics on a port and a thread of their own, so that a full request queue hides neither."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from telemetry.metrics import Metrics

STALLED_AFTER_S = 10.0
PLAIN = "text/plain; charset=utf-8"


class Progress:
    """When the worker's dispatcher last ran; it calls `made` whenever it comes round."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    def made(self) -> None:
        self._last = self._clock()

    @property
    def stalled(self) -> bool:
        return self._clock() - self._last > STALLED_AFTER_S


class Health:
    """Answers /livez and /metrics from what it is given, and /readyz from `ready`, which the server sets and clears."""

    def __init__(self, progress: Progress, metrics: Metrics | None) -> None:
        self.progress = progress
        self.metrics = metrics
        self.ready = False

    def answer(self, target: str, accept: str) -> tuple[int, str, bytes]:
        """Status, media type and body for one request, of its path with query; `accept` is its header."""
        path, _, query = target.partition("?")
        match path:
            case "/livez":
                return (503, PLAIN, b"no progress") if self.progress.stalled else (200, PLAIN, b"ok")
            case "/readyz":
                return (200, PLAIN, b"ok") if self.ready else (503, PLAIN, b"not ready")
            case "/metrics" if self.metrics:
                return 200, *self.metrics.render(accept, parse_qs(query).get("name[]", ()))
            case _:
                return 404, PLAIN, b"not found"

    def serve(self, host: str, port: int) -> ThreadingHTTPServer:
        """Starts answering; OSError when the port is taken. The caller may `shutdown()` what it gets."""
        server = _Server((host, port), _handler(self))
        threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
        return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_port = False  # a taken port must be an error; newer Pythons would share it

    def handle_error(self, request: object, client_address: object) -> None:
        """A prober that hangs up is no fault; of any other it tells."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else the body waits 40 ms for the client to acknowledge the head
        timeout = 10

        def do_GET(self) -> None:
            status, media_type, body = health.answer(self.path, self.headers.get("Accept", ""))
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes are not logged."""

    return Handler
