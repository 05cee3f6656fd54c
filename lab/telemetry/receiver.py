"""OTLP over HTTP as the lab answers it: `POST /v1/traces`, protobuf, plain or gzip.

200 says that the spans are kept. 400 is a message that is none, 413 one that is too long, 415 another format, and 503
that the store cannot be written, after which the sender tries again. `GET /readyz` is 200. Spans are kept before the
answer, one message after the other, so that to end loses nothing that was answered. Where they are kept is the sink's:
a store's in the process of `serve`.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sqlite3
import sys
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import cast

import httptools
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from lab.telemetry.store import SpanWriter

HOST = "127.0.0.1"
TRACES = b"/v1/traces"
READY = b"/readyz"
METHODS = {TRACES: b"POST", READY: b"GET"}
MESSAGE_MAX_BYTES = 16 << 20
BACKLOG = 128
UNSOUND = "sent spans whose ids or times are none"
PROTOBUF = "application/x-protobuf"
TEXT = "text/plain; charset=utf-8"
GZIP = 16 + zlib.MAX_WBITS
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

# Keeps the spans of a message, and says how many of them it refuses. Raises ValueError when it is no message, and
# sqlite3.Error when it cannot be kept.
Sink = Callable[[bytes], int]


class Refused(Exception):
    """A request that is answered with `status`; `header` is a line of the answer."""

    def __init__(self, status: HTTPStatus, text: str, header: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.header = header


async def serve(store: Path, port: int) -> None:
    """Until SIGTERM or SIGINT. OSError when the port is taken, sqlite3.Error when the store cannot be opened."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    writer = SpanWriter(store)
    try:
        async with receiving(bound(HOST, port), writer.add):
            await ending.wait()
    finally:
        writer.close()


def bound(host: str, port: int) -> socket.socket:
    """Listens there, at a port of its own choice where that is 0; OSError where it cannot."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


@asynccontextmanager
async def receiving(
    listener: socket.socket, sink: Sink, tell: Callable[[str], object] = lambda problem: None
) -> AsyncIterator[None]:
    """Answers what comes while the block is executed. `tell` is told what senders do wrong: `sent to /, not ...`."""
    connections: set[asyncio.Transport] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(sink, tell, connections), sock=listener)
    try:
        yield
    finally:
        server.close()
        for connection in tuple(connections):
            connection.close()


class Connection(asyncio.Protocol):
    """One connection of a sender, which may keep it for many requests."""

    def __init__(self, sink: Sink, tell: Callable[[str], object], connections: set[asyncio.Transport]) -> None:
        self._sink = sink
        self._tell = tell
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self._transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(Refused(HTTPStatus.BAD_REQUEST, "sent what is not plain HTTP/1.1"), close=True)

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: dict[bytes, str] = {}
        self._body = bytearray()
        self._too_long = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value.decode("latin-1").strip().lower()

    def on_headers_complete(self) -> None:
        if self._headers.get(b"expect") == "100-continue":
            self._transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        """What is too long is read to its end, so that its sender reads the answer."""
        self._too_long = self._too_long or len(self._body) + len(body) > MESSAGE_MAX_BYTES
        if self._too_long:
            self._body.clear()
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Of one that asks for another protocol the parser has no body: it is refused with what follows."""
        if self._parser.should_upgrade():
            return
        close = not self._parser.should_keep_alive()
        try:
            self._answer(HTTPStatus.OK, PROTOBUF, self._receive(), close=close)
        except Refused as refused:
            self._refuse(refused, close=close)

    def _receive(self) -> bytes:
        """The body of the answer."""
        path = self._url.partition(b"?")[0]
        if path not in METHODS:
            raise Refused(HTTPStatus.NOT_FOUND, f"sent to {path.decode('latin-1')}, not {TRACES.decode()}")
        method, allowed = self._parser.get_method().decode(), METHODS[path].decode()
        if method != allowed:
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"sent by {method}, not {allowed}", f"Allow: {allowed}\r\n")
        if path == READY:
            return b""
        media_type = self._headers.get(b"content-type", "").partition(";")[0].strip()
        if media_type != PROTOBUF:
            sent = f"sent as {media_type or 'no media type'}, not {PROTOBUF}"
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, sent)
        try:
            refused = self._sink(self._message())
        except ValueError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, f"sent what is {error}") from error
        except sqlite3.Error as error:
            sys.stderr.write(f"cannot keep spans: {error}\n")
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, f"cannot keep spans: {error}") from error
        response = ExportTraceServiceResponse()
        if refused:
            response.partial_success.rejected_spans = refused
            response.partial_success.error_message = UNSOUND
            self._tell(UNSOUND)
        return bytes(response.SerializeToString())

    def _message(self) -> bytes:
        too_long = Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"sent more than {MESSAGE_MAX_BYTES} bytes at once")
        if self._too_long:
            raise too_long
        encoding = self._headers.get(b"content-encoding", "identity")
        if encoding == "identity":
            return bytes(self._body)
        if encoding != "gzip":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"sent encoded as {encoding}, not gzip or nothing")
        unpacking = zlib.decompressobj(GZIP)
        try:
            message = unpacking.decompress(self._body, MESSAGE_MAX_BYTES + 1)
        except zlib.error as error:
            raise ValueError(f"not gzip: {error}") from error
        if len(message) > MESSAGE_MAX_BYTES:
            raise too_long
        if not unpacking.eof:
            raise ValueError("not gzip: it is cut off")
        return message

    def _refuse(self, refused: Refused, *, close: bool) -> None:
        self._tell(str(refused))
        self._answer(refused.status, TEXT, f"{refused}\n".encode(), close=close, header=refused.header)

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes, *, close: bool, header: str = "") -> None:
        closing = "Connection: close\r\n" if close else ""
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n{header}{closing}\r\n"
        )
        self._transport.write(head.encode() + body)
        if close:
            self._transport.close()
