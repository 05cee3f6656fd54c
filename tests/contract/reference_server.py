"""Runs a reference service as a server that answers HTTP."""

from __future__ import annotations

import json
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shop.streams import MEDIA_TYPE

from tests.contract.reference_service import Request, Shop


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def respond(self) -> None:
        request = Request(self.command, self.path, self.headers, self._read, self._client_is_gone)
        status, document, headers = self.server.shop.answer(request)
        self._leave_nothing_unread()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        if isinstance(document, Iterator):
            self._stream(document)
        else:
            self._send(status, document)

    def _send(self, status: int, document: Any) -> None:
        content = b"" if document is None else json.dumps(document).encode()
        if document is not None:
            self.send_header("Content-Type", self.server.shop.media_type(status))
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" or self.server.shop.head_has_body:
            self.wfile.write(content)

    def _stream(self, blocks: Iterator[bytes]) -> None:
        self.send_header("Content-Type", MEDIA_TYPE)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for block in blocks:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
        if self.command != "HEAD":
            self.wfile.write(b"0\r\n\r\n")

    def _client_is_gone(self) -> bool:
        """A client that waits for an answer sends nothing but its end."""
        return bool(select.select([self.connection], [], [], 0)[0])

    def _read(self, length: int) -> bytes:
        self.headers.replace_header("Content-Length", "0")
        return self.rfile.read(length)

    def _leave_nothing_unread(self) -> None:
        """Unread bytes would be taken for the next request, or reset the connection before the answer is read."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding"):
            while self.rfile.readline().strip():
                """Chunks of bodies that tests send have no empty line but the last."""

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = respond

    def log_message(self, format: str, *args: object) -> None:
        """Tests say what matters."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A service that breaks is what some tests want."""


@contextmanager
def serving(shop: Shop) -> Iterator[str]:
    """The URL of `shop` as a running service."""
    server = _Server(shop)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
