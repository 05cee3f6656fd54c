"""A stream of server-sent events as the contract has them, read as it arrives."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from lab.contract.client import TIMEOUT_S, Answer, Client, Request
from lab.contract.wire import AnswerReader, BrokenAnswer

_FIELDS = ("id", "event", "data")


@dataclass(frozen=True, slots=True)
class Event:
    """`data` is the text of the one line."""

    id: int
    name: str
    data: str


@dataclass(frozen=True, slots=True)
class Comment:
    """What keeps a quiet connection alive."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The body is complete."""


class Stream:
    """The answer to one request on a connection of its own; to be used in a `with` block, which closes it.

    `answer` has what came at once: status and headers of an answer that is a stream, the whole of any other. Raises
    NoAnswer or BrokenAnswer, as `next` does.
    """

    def __init__(self, client: Client, request: Request) -> None:
        started = time.monotonic()
        self._text = b""
        self._socket = client.sent(request)
        try:
            self._reader = AnswerReader(self._socket, request.method)
            status, headers = self._reader.head(started + TIMEOUT_S)
            self.streams = status == 200 and request.method != "HEAD"
            body = b"" if self.streams else self._whole(started + TIMEOUT_S)
        except BaseException:
            self._socket.close()
            raise
        self.answer = Answer(request, status, headers, body, time.monotonic() - started)

    def _whole(self, until: float) -> bytes:
        parts = []
        while part := self._reader.some(until):
            parts.append(part)
        return b"".join(parts)

    def next(self, within_s: float) -> Event | Comment | Ended:
        """What comes next. Raises NothingYet when nothing came within that time, after which it may be asked again."""
        until = time.monotonic() + within_s
        while True:
            block, found, rest = self._text.partition(b"\n\n")
            if found:
                self._text = rest
                return _read(block)
            part = self._reader.some(until)
            if not part:
                if self._text:
                    raise BrokenAnswer(f"the stream ended in the middle of an event: {self._text[-100:]!r}")
                return Ended()
            self._text = (self._text + part).replace(b"\r\n", b"\n")

    @property
    def local_port(self) -> int:
        """By which the service knows the client."""
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _read(block: bytes) -> Event | Comment:
    """Every line of an event, or of nothing but comments."""
    try:
        lines = [line for line in block.decode("utf-8").split("\n") if not line.startswith(":")]
    except UnicodeDecodeError:
        raise BrokenAnswer(f"an event that is not UTF-8: {block[:100]!r}") from None
    if not lines:
        return Comment()
    fields = [(name, value.removeprefix(" ")) for name, _, value in (line.partition(":") for line in lines)]
    said = dict(fields)
    if sorted(name for name, _ in fields) != sorted(_FIELDS):
        raise BrokenAnswer(
            f"an event with the fields {', '.join(name for name, _ in fields)}, not {', '.join(_FIELDS)}"
        )
    if not (said["id"].isascii() and said["id"].isdigit()):
        raise BrokenAnswer(f"an event whose id is {said['id']!r}")
    return Event(int(said["id"]), said["event"], said["data"])
