"""Answers of a service of orders whose streams behave as a test wants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from tests.load.server import Reply, Seen, reply

ORDER = '{"id":1,"status":"placed","lines":[],"total":{},"created_at":"","updated_at":""}'
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b"id: 7\nevent: status\ndata: {}\n\n"
END = b"0\r\n\r\n"
REFUSED = reply("{}", "503 Service Unavailable", "Retry-After: 1\r\nContent-Type: application/problem+json\r\n")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


OPENED = Reply(STREAM + chunk(EVENT))
MOVED = reply(ORDER)
PONG = reply()


@dataclass(slots=True)
class Orders:
    """An Answer. Holds `room` streams; `move` answers a change, upon which `told` is sent `told_after_s`."""

    room: int = 1_000_000
    stream: Reply = OPENED
    place: Reply | None = None
    move: Reply = MOVED
    told: bytes = chunk(EVENT)
    told_after_s: float = 0.0
    ping: Reply = PONG
    opened: list[str] = field(default_factory=list)
    moved: list[Seen] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def __call__(self, seen: Seen) -> Reply:
        about = seen.path.split("/")[2] if seen.path.startswith("/orders/") else ""
        if seen.path == "/orders":
            return self.place or reply(ORDER, "201 Created", f"Location: /orders/{next(self._ids)}\r\n")
        if seen.path.endswith("/events"):
            if len(self.opened) >= self.room:
                return REFUSED
            self.opened.append(about)
            return Reply(self.stream.data, self.stream.after_s, self.stream.close, follow=about)
        if seen.path.endswith("/transitions"):
            self.moved.append(seen)
            return Reply(self.move.data, about=about, tell=self.told, tell_after_s=self.told_after_s)
        return self.ping
