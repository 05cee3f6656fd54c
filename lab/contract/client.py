"""Sends exactly the request it is given, also those a client library would repair, and reads the answer.

One connection is kept alive. A request that finds it closed before a byte of the answer leaves again on a new one.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import shlex
import socket
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 15.0
_CURL_BODY_MAX_CHARACTERS = 1500


class NoAnswer(Exception):
    """The service closed the connection, answered something that is not HTTP, or nothing in time."""


@dataclass(frozen=True, slots=True)
class Request:
    """`operation` is the id of the one it is meant for, empty for none. A chunked body has no Content-Length."""

    operation: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    chunked: bool = False

    def with_header(self, name: str, value: str | None) -> Request:
        """The same request with another value of one header; without it where the value is None."""
        kept = tuple(header for header in self.headers if header[0] != name)
        added = () if value is None else ((name, value),)
        return Request(self.operation, self.method, self.target, kept + added, self.body, self.chunked)

    def with_body(self, body: bytes | None, *, chunked: bool = False) -> Request:
        return Request(self.operation, self.method, self.target, self.headers, body, chunked)

    def curl(self, base_url: str) -> str:
        """The whole request as a command to paste."""
        parts = ["curl", "-sSi", "-g", "--path-as-is"]
        parts += ["--head"] if self.method == "HEAD" else ["-X", self.method]
        for name, value in self.headers:
            parts += ["-H", f"{name}: {value}"]
        if self.body is not None and not any(name.lower() == "content-type" for name, _ in self.headers):
            parts += ["-H", "Content-Type:"]
        if self.chunked:
            parts += ["-H", "Transfer-Encoding: chunked"]
        before, data = _shell_body(self.body)
        return before + shlex.join([*parts, *data, base_url.rstrip("/") + self.target])


def _shell_body(body: bytes | None) -> tuple[str, list[str]]:
    """What curl reads the body from: its arguments, or a pipe for what no argument can hold."""
    if body is None:
        return "", []
    text = body.decode("utf-8", errors="replace")
    if len(text) <= _CURL_BODY_MAX_CHARACTERS and text.encode() == body and (text.isprintable() or not text):
        return "", ["--data-raw", text]
    packed = base64.b64encode(gzip.compress(body, mtime=0)).decode()
    return f"echo {packed} | base64 -d | gunzip | ", ["--data-binary", "@-"]


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` have lower-case names, repeated ones joined with a comma. `document` is None where it is not JSON."""

    request: Request
    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_s: float

    @property
    def document(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Client:
    """For one thread. `base_url` is http:// or https://, with or without a path before the operations' own."""

    def __init__(self, base_url: str, timeout_s: float = TIMEOUT_S) -> None:
        self.base_url = base_url.rstrip("/")
        parts = urlsplit(self.base_url)
        self._prefix = parts.path
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def send(self, request: Request) -> Answer:
        """Raises NoAnswer."""
        started = time.monotonic()
        reused = self._connection is not None
        try:
            return self._exchange(request, started)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            self.close()
            if not reused:
                raise NoAnswer(_described(error)) from error
        except (http.client.HTTPException, OSError) as error:
            self.close()
            raise NoAnswer(_described(error)) from error
        try:
            return self._exchange(request, started)
        except (http.client.HTTPException, OSError) as error:
            self.close()
            raise NoAnswer(_described(error)) from error

    def _exchange(self, request: Request, started: float) -> Answer:
        connection = self._connection or self._connect()
        self._connection = connection
        self._write(connection, request)
        response = connection.getresponse()
        body = response.read()
        headers: dict[str, str] = {}
        for name, value in response.getheaders():
            key = name.lower()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        if response.will_close:
            self.close()
        return Answer(request, response.status, headers, body, time.monotonic() - started)

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout_s)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _write(self, connection: http.client.HTTPConnection, request: Request) -> None:
        connection.putrequest(request.method, self._prefix + request.target, skip_accept_encoding=True)
        for name, value in request.headers:
            connection.putheader(name, value.encode("latin-1", errors="replace"))
        body = request.body or b""
        if request.chunked:
            connection.putheader("Transfer-Encoding", "chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        elif request.body is not None:
            connection.putheader("Content-Length", str(len(body)))
        try:
            connection.endheaders(body or None)
        except (BrokenPipeError, ConnectionResetError):
            """A body that is refused early may not be read to its end; the answer is still there."""

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def raw(self, request: Request) -> bytes:
        """Every byte that the service answers on a connection of its own, closed after it. Raises NoAnswer."""
        with closing(self.sent(request.with_header("Connection", "close"))) as connected:
            try:
                return b"".join(iter(lambda: connected.recv(65536), b""))
            except OSError as error:
                raise NoAnswer(_described(error)) from error

    def sent(self, request: Request) -> socket.socket:
        """A connection of its own on which the request was sent, to read and to close. Raises NoAnswer."""
        try:
            connection = self._connect()
            self._write(connection, request)
        except (http.client.HTTPException, OSError) as error:
            raise NoAnswer(_described(error)) from error
        connected: socket.socket = connection.sock
        return connected


def _described(error: Exception) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}".rstrip(": ")
