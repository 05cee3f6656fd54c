"""One answer of HTTP/1.1, read from its bytes as they arrive. What breaks the format raises BrokenAnswer."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping

_RECEIVED_BYTES = 65_536


class BrokenAnswer(Exception):
    """What arrived is not an answer of HTTP, ended too soon, or nothing arrived in time."""


class NothingYet(BrokenAnswer):
    """Nothing arrived in time; what arrives later can still be read."""


def head(start: bytes) -> tuple[int, Mapping[str, str]]:
    """Status (0 where there is none) and headers, with lower-case names, repeated ones joined with a comma."""
    first, *lines = start.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    status = rest[:3]
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        key = name.strip().lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    return int(status) if version.startswith("HTTP/1.") and status.isdigit() else 0, headers


class AnswerReader:
    """Reads from a connected socket on which a request has been sent; the caller closes it."""

    def __init__(self, connected: socket.socket, method: str) -> None:
        self._socket = connected
        self._method = method
        self._buffer = b""
        self._chunked = False
        self._left: int | None = None  # of a body with Content-Length
        self._ended = False

    def head(self, until: float) -> tuple[int, Mapping[str, str]]:
        """`until` is of time.monotonic(), here and below."""
        start = self._through(b"\r\n\r\n", until)
        status, headers = head(start.removesuffix(b"\r\n\r\n"))
        self._chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        length = headers.get("content-length", "")
        self._left = int(length) if length.isdigit() and not self._chunked else None
        self._ended = self._method == "HEAD" or status in (204, 304)
        return status, headers

    def some(self, until: float) -> bytes:
        """A part of the body, as soon as there is one; nothing at its end."""
        if self._ended or self._left == 0:
            return b""
        if self._chunked:
            return self._chunk(until)
        if not self._buffer:
            self._receive(until)
        part, self._buffer = self._buffer, b""
        if self._left is not None:
            if not part:
                raise BrokenAnswer(f"the connection was closed {self._left} bytes before the end of the body")
            self._left -= len(part)
        self._ended = not part
        return part

    def _chunk(self, until: float) -> bytes:
        """Nothing of a chunk is taken before it is there as a whole."""
        line = self._through(b"\r\n", until, keep=True)
        size_text = line.partition(b";")[0].strip()
        try:
            size = int(size_text, 16)
        except ValueError:
            raise BrokenAnswer(f"a chunk whose size is {size_text[:20]!r}") from None
        whole = len(line) + size + 2
        while len(self._buffer) < whole:
            self._require(until)
        part, end = self._buffer[len(line) : whole - 2], self._buffer[whole - 2 : whole]
        self._buffer = self._buffer[whole:]
        if end != b"\r\n":
            raise BrokenAnswer("a chunk that is longer than its size, or trailers after the last one")
        self._ended = size == 0
        return part

    def _through(self, mark: bytes, until: float, keep: bool = False) -> bytes:
        while mark not in self._buffer:
            self._require(until)
        end = self._buffer.index(mark) + len(mark)
        found = self._buffer[:end]
        if not keep:
            self._buffer = self._buffer[end:]
        return found

    def _require(self, until: float) -> None:
        if not self._receive(until):
            raise BrokenAnswer("the connection was closed in the middle of the answer")

    def _receive(self, until: float) -> bool:
        """Whether the connection is still open."""
        left_s = until - time.monotonic()
        try:
            if left_s <= 0:
                raise TimeoutError
            self._socket.settimeout(left_s)
            received = self._socket.recv(_RECEIVED_BYTES)
        except TimeoutError:
            raise NothingYet("nothing in time") from None
        except OSError as error:
            raise BrokenAnswer(f"{type(error).__name__}: {error}") from None
        self._buffer += received
        return bool(received)
