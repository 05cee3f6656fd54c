"""One answer of HTTP/1.1, read from its bytes as they arrive. What breaks the format raises BrokenAnswer."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Mapping

import httptools

_RECEIVED_BYTES = 65_536
_BLANK_LINE = b"\r\n\r\n"


class BrokenAnswer(Exception):
    """What arrived is not an answer of HTTP, ended too soon, or nothing arrived in time."""


class NothingYet(BrokenAnswer):
    """Nothing arrived in time; what arrives later can still be read."""


class _Parser:
    """What was said so far. Raises httptools.HttpParserError when it is fed what is no answer."""

    def __init__(self) -> None:
        self.has_head = False
        self.is_complete = False
        self.headers: dict[str, str] = {}
        self.parts: deque[bytes] = deque()
        self._parser = httptools.HttpResponseParser(self)
        self.feed = self._parser.feed_data

    @property
    def status(self) -> int:
        return self._parser.get_status_code()

    @property
    def ends_with_its_connection(self) -> bool:
        return self.has_head and not {"content-length", "transfer-encoding"} & self.headers.keys()

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_body(self, part: bytes) -> None:
        self.parts.append(part)

    def on_message_complete(self) -> None:
        self.is_complete = True


def head(start: bytes) -> tuple[int, Mapping[str, str]]:
    """Status (0 where there is none) and headers, with lower-case names, repeated ones joined with a comma."""
    parser = _Parser()
    try:
        parser.feed(start + _BLANK_LINE)
    except httptools.HttpParserError:
        return 0, {}
    return parser.status, parser.headers


class AnswerReader:
    """Reads from a connected socket on which a request has been sent; the caller closes it."""

    def __init__(self, connected: socket.socket, method: str) -> None:
        self._socket = connected
        self._parser = _Parser()
        self._has_body = method != "HEAD"

    def head(self, until: float) -> tuple[int, Mapping[str, str]]:
        """`until` is of time.monotonic(), here and below."""
        while not self._parser.has_head:
            if not self._receive(until):
                raise BrokenAnswer("the connection was closed in the middle of the answer")
        return self._parser.status, self._parser.headers

    def some(self, until: float) -> bytes:
        """A part of the body, as soon as there is one; nothing at its end."""
        parser = self._parser
        while self._has_body and not parser.parts and not parser.is_complete:
            if not self._receive(until):
                if not parser.ends_with_its_connection:
                    raise BrokenAnswer("the connection was closed in the middle of the answer")
                parser.is_complete = True
        return parser.parts.popleft() if parser.parts else b""

    def _receive(self, until: float) -> bool:
        """Whether the connection is still open."""
        left_s = until - time.monotonic()
        try:
            if left_s <= 0:
                raise TimeoutError
            self._socket.settimeout(left_s)
            received = self._socket.recv(_RECEIVED_BYTES)
            self._parser.feed(received)
        except TimeoutError:
            raise NothingYet("nothing in time") from None
        except OSError as error:
            raise BrokenAnswer(f"{type(error).__name__}: {error}") from None
        except httptools.HttpParserError as error:
            raise BrokenAnswer(f"not HTTP: {error}") from None
        return bool(received)
