"""OTLP over HTTP as this process answers it: `POST /v1/traces`, protobuf, plain or gzip.

200 says that the spans are kept. 400 is a message that is none, 413 one that is too long, 415 another format, and 503
that the store cannot be written, after which the sender tries again. `GET /readyz` is 200. Spans are kept before the
answer, one message after the other, so that to end loses nothing that was answered.
"""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
import zlib
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
PROTOBUF = "application/x-protobuf"
TEXT = "text/plain; charset=utf-8"
GZIP = 16 + zlib.MAX_WBITS


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
        connections: set[asyncio.Transport] = set()
        server = await loop.create_server(lambda: Connection(writer, connections), HOST, port)
        await ending.wait()
        server.close()
        for connection in tuple(connections):
            connection.close()
    finally:
        writer.close()


class Connection(asyncio.Protocol):
    """One connection of a sender, which may keep it for many requests."""

    def __init__(self, writer: SpanWriter, connections: set[asyncio.Transport]) -> None:
        self._writer = writer
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
            self._answer(HTTPStatus.BAD_REQUEST, TEXT, b"not HTTP/1.1\n", close=True)

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: dict[bytes, str] = {}
        self._body = bytearray()
        self._too_long = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value.decode("latin-1").strip().lower()

    def on_body(self, body: bytes) -> None:
        """What is too long is read to its end, so that its sender reads the answer."""
        self._too_long = self._too_long or len(self._body) + len(body) > MESSAGE_MAX_BYTES
        if self._too_long:
            self._body.clear()
        else:
            self._body += body

    def on_message_complete(self) -> None:
        close = not self._parser.should_keep_alive()
        try:
            self._answer(HTTPStatus.OK, PROTOBUF, self._receive(), close=close)
        except Refused as refused:
            self._answer(refused.status, TEXT, f"{refused}\n".encode(), close=close, header=refused.header)

    def _receive(self) -> bytes:
        """The body of the answer."""
        path = self._url.partition(b"?")[0]
        if path not in METHODS:
            raise Refused(HTTPStatus.NOT_FOUND, f"spans go to {TRACES.decode()}")
        if self._parser.get_method() != METHODS[path]:
            allowed = METHODS[path].decode()
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"only {allowed}", f"Allow: {allowed}\r\n")
        if path == READY:
            return b""
        if self._headers.get(b"content-type", "").partition(";")[0] != PROTOBUF:
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"only {PROTOBUF}")
        try:
            refused = self._writer.add(self._message())
        except ValueError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from error
        except sqlite3.Error as error:
            sys.stderr.write(f"cannot keep spans: {error}\n")
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, f"cannot keep spans: {error}") from error
        response = ExportTraceServiceResponse()
        if refused:
            response.partial_success.rejected_spans = refused
            response.partial_success.error_message = "ids or times that are none"
        return bytes(response.SerializeToString())

    def _message(self) -> bytes:
        too_long = Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MESSAGE_MAX_BYTES} bytes")
        if self._too_long:
            raise too_long
        encoding = self._headers.get(b"content-encoding", "identity")
        if encoding == "identity":
            return bytes(self._body)
        if encoding != "gzip":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "only gzip, or no encoding")
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

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes, *, close: bool, header: str = "") -> None:
        closing = "Connection: close\r\n" if close else ""
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n{header}{closing}\r\n"
        )
        self._transport.write(head.encode() + body)
        if close:
            self._transport.close()
