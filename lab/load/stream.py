"""One stream of server-sent events on a connection of its own, and when a change was told on it.

Only whether an event came is looked at, not what it says. Reading costs little as long as little is told: a comment,
which keeps a stream alive, is a few bytes to skip.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from typing import cast

import httptools

from lab.core.operations import EVENTS

PROBLEM = "application/problem+json"


class Change:
    """A change that is sent now, and the streams that are still to tell of it."""

    def __init__(self, streams: Collection[Stream]) -> None:
        self.waiting = set(streams)
        self.delays_s: list[float] = []
        self.over = asyncio.Event()
        for stream in streams:
            stream.change = self
        self._sent_at = time.monotonic()

    def told(self, stream: Stream) -> None:
        self.delays_s.append(time.monotonic() - self._sent_at)
        self.give_up(stream)

    def give_up(self, stream: Stream) -> None:
        stream.change = None
        self.waiting.remove(stream)
        if not self.waiting:
            self.over.set()


class Stream(asyncio.Protocol):
    """`begun` is done when it is clear what becomes of it: one of `is_open`, `is_refused` and `error` is set then.
    It is cancelled when nobody waits for that any more.

    `lost` is done when its connection is gone; None before it has one.
    """

    __slots__ = (
        "_buffer",
        "_headers",
        "_parser",
        "_payload",
        "_tells",
        "_transport",
        "begun",
        "change",
        "error",
        "is_open",
        "is_refused",
        "lost",
    )

    def __init__(self, payload: bytes) -> None:
        loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] | None = None
        self.is_open = self.is_refused = False
        self.error: str | None = None
        self.change: Change | None = None
        self._payload = payload
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._buffer = b""
        self._tells = False

    def fail(self, error: str) -> None:
        """Takes it for failed, for the first reason given, and ends its connection."""
        self._settle()
        self.error = self.error or error
        self.is_open = False
        if self.change:
            self.change.give_up(self)
        self.close()

    def close(self) -> None:
        if self.lost:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.lost = asyncio.get_running_loop().create_future()
        self._transport.write(self._payload)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise  # a mistake of ours
        except httptools.HttpParserError:
            self.fail("malformed answer")

    def connection_lost(self, error: Exception | None) -> None:
        assert self.lost
        self.lost.set_result(None)
        if self._tells:
            self.fail("ended early")
        elif not self.is_refused and not self.begun.cancelled():
            self.fail("connection reset" if error else "connection closed")

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._tells = self._parser.get_status_code() == 200 and self._is_of(EVENTS)

    def on_body(self, data: bytes) -> None:
        if not self._tells:
            return
        *blocks, self._buffer = (self._buffer + data).replace(b"\r\n", b"\n").split(b"\n\n")
        for block in blocks:
            if block.startswith(b"data") or b"\ndata" in block:
                self._event()

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._headers.clear()
        elif self._tells:
            self.fail("ended early")
        elif status == 503 and b"retry-after" in self._headers and self._is_of(PROBLEM):
            self.is_refused = True
            self._settle()
            self.close()
        else:
            self.fail("not a stream of events" if status == 200 else f"status {status}")

    def _event(self) -> None:
        if self.change:
            self.change.told(self)
        elif not self.error:
            self.is_open = True
            self._settle()

    def _settle(self) -> None:
        if not self.begun.done():
            self.begun.set_result(None)

    def _is_of(self, media_type: str) -> bool:
        return self._headers.get(b"content-type", b"").partition(b";")[0].strip().lower() == media_type.encode()
