"""What becomes of orders, told to whoever follows them: the part of the reference service that lasts."""

from __future__ import annotations

import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shop import streams
from shop.orders import OrderStatus, is_final
from shop.problems import Problem, too_many_streams

POLL_S = 0.02
QUIET_S = 0.3  # and not the contract's 15 s: whoever checks it need not wait long
HEADERS = {"Cache-Control": streams.CACHE_CONTROL}


@dataclass(frozen=True)
class Happened:
    id: int
    status: str
    at: datetime


class Streams:
    """Events in a dictionary, a method for each step; tests override what they break."""

    most = 20
    heartbeat_s = QUIET_S

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.ids = itertools.count(1)
        self.events: dict[int, list[Happened]] = defaultdict(list)
        self.open = 0

    def happened(self, order_id: int, status: str) -> None:
        with self.changed:
            self.events[order_id].append(Happened(next(self.ids), status, datetime.now(UTC)))
            self.changed.notify_all()

    def answer(self, order_id: int, last: int, head: bool, gone: Callable[[], bool]) -> tuple[int, Any, dict[str, str]]:
        """`gone` tells whether the client has closed its connection."""
        with self.changed:
            if self.open >= self.most:
                raise too_many_streams(self.most)
            if order_id not in self.events:
                raise Problem("not-found", "There is none")
            if self.is_over(order_id) and not self.left(order_id, last):
                return self.nothing_left()
            self.open += not head
        return 200, iter(()) if head else self.blocks(order_id, last, gone), HEADERS

    def nothing_left(self) -> tuple[int, Any, dict[str, str]]:
        return 204, None, {}

    def left(self, order_id: int, last: int) -> list[Happened]:
        return [event for event in self.events[order_id] if event.id > last]

    def is_over(self, order_id: int) -> bool:
        return is_final(OrderStatus(self.events[order_id][-1].status))

    def blocks(self, order_id: int, last: int, gone: Callable[[], bool]) -> Iterator[bytes]:
        quiet_since = time.monotonic()
        try:
            while not gone():
                with self.changed:
                    left, over = self.left(order_id, last), self.is_over(order_id)
                    if not left and not over:
                        self.changed.wait(POLL_S)
                for event in left:
                    yield self.block(event)
                    last, quiet_since = event.id, time.monotonic()
                if over:
                    return
                if time.monotonic() - quiet_since >= self.heartbeat_s:
                    yield streams.HEARTBEAT
                    quiet_since = time.monotonic()
        finally:
            with self.changed:
                self.open -= 1

    def block(self, event: Happened) -> bytes:
        return streams.event(event.id, event.status, event.at)
