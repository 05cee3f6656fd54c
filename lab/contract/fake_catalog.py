"""A catalog that the checker serves itself, so that prices are known and the catalog is slow or broken on demand.

Products 1 to 10,000 are those of the seed. Cases add their own, each with its own conduct, so that cases don't meet.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shop import seed

TRACEPARENTS_KEPT = 100
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Product:
    """What the catalog says of one product, and how.

    `wait_s` before the answer; `trickle_s` between its bytes. `status`, `media_type` and `body` replace the good
    answer; `cut` ends the connection in the middle of the body, `reset` before any byte.
    """

    name: str = "A thing"
    price_minor: int = 1250
    currency: str = "EUR"
    wait_s: float = 0.0
    trickle_s: float = 0.0
    status: int = 200
    media_type: str = "application/json"
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    reset: bool = False


@cache
def _seeded() -> Mapping[int, Product]:
    return {row[0]: Product(row[2], row[5], row[6]) for row in seed.products()}


class FakeCatalog:
    """Serves `GET /products/{id}` at `host:port` once it is up; OSError where it cannot.

    `traceparents` are those of the last requests, empty where one had none.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._products = dict(_seeded())
        self.traceparents: deque[str] = deque(maxlen=TRACEPARENTS_KEPT)
        self._server: _Server | None = None

    def serve(self, product_id: int, product: Product) -> None:
        self._products[product_id] = product

    def product(self, product_id: int) -> Product | None:
        return self._products.get(product_id)

    def up(self) -> None:
        server = _Server(self._address, self)
        threading.Thread(target=server.serve_forever, args=(_POLL_S,), name="fake catalog", daemon=True).start()
        self._server = server

    def down(self) -> None:
        """Refuses connections from now on, and ends those it has."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.end_connections()
            self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], catalog: FakeCatalog) -> None:
        self.catalog = catalog
        self.ended = threading.Event()
        self._connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up waiting is no error of the catalog."""

    def end_connections(self) -> None:
        self.ended.set()
        for connection in tuple(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self.server.catalog.traceparents.append(self.headers.get("traceparent", ""))
        name = self.path.partition("?")[0].removeprefix("/products/")
        product = self.server.catalog.product(int(name)) if name.isdigit() else None
        if product is None:
            self._answer(404, "application/problem+json", _NOT_FOUND)
        elif not self.server.ended.wait(product.wait_s):
            self._tell(int(name), product)

    def _tell(self, product_id: int, product: Product) -> None:
        if product.reset:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()
            return
        body = json.dumps(_document(product_id, product)) if product.body is None else product.body
        self._answer(product.status, product.media_type, body, product)

    def _answer(self, status: int, media_type: str, text: str, product: Product | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in product.headers.items() if product else ():
            self.send_header(name, value)
        self.end_headers()
        if product is None or not (product.cut or product.trickle_s):
            self.wfile.write(body)
        elif product.cut:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        else:
            for byte in body:
                if self.server.ended.wait(product.trickle_s):
                    return
                self.wfile.write(bytes([byte]))

    def log_message(self, format: str, *args: object) -> None:
        """The checker reports what matters."""


def _document(product_id: int, product: Product) -> dict[str, Any]:
    return {
        "id": product_id,
        "sku": f"FAKE-{product_id}",
        "name": product.name,
        "description": "",
        "category": "fake",
        "price": {"amount_minor": product.price_minor, "currency": product.currency},
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }


_NOT_FOUND = json.dumps(
    {
        "type": "urn:framework-lab:problem:not-found",
        "title": "Not found",
        "status": 404,
        "detail": "There is no such product",
    }
)
