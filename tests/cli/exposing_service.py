"""A replica whose metrics tell of 100 more requests each time that they are asked for, and which does nothing else."""

from __future__ import annotations

import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.core.exposing import Exposing

HOST = "127.0.0.1"
EXPOSING = Exposing(workers=4)


class Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(b'{"status":"ok"}')

    def answer(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Not logged."""


class Health(Requests):
    def do_GET(self) -> None:
        if self.path != "/metrics":
            self.answer(b"ok")
        elif os.environ["LAB_TELEMETRY"] == "off":
            self.answer(b"", 404)
        else:
            EXPOSING.answer(90, duration_s=0.02)
            EXPOSING.answer(10, status=500, duration_s=0.02)
            self.answer(EXPOSING.text().encode())


class Shared(ThreadingHTTPServer):
    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()


if __name__ == "__main__":
    EXPOSING.active.set(4)
    EXPOSING.executor.set(56)
    requests = Shared((HOST, int(os.environ["LAB_PORT"])), Requests)
    threading.Thread(target=requests.serve_forever, daemon=True).start()
    ThreadingHTTPServer((HOST, int(os.environ["LAB_METRICS_PORT"])), Health).serve_forever()
