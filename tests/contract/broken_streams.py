"""Broken rules of streams."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.contract.breaking import Broken, headers, problems, streams, violations_but, without
from tests.contract.reference_service import Answer, Request, Shop
from tests.contract.reference_streams import Happened, Streams


def _newest_first(self: Streams, order_id: int, last: int) -> list[Happened]:
    return Streams.left(self, order_id, last)[::-1]


def _breaks_off(self: Streams, order_id: int, last: int, gone: Callable[[], bool]) -> Iterator[bytes]:
    for block in Streams.blocks(self, order_id, last, gone):
        yield block
        if b"cancelled" in block:
            raise ConnectionResetError


def _tells_everything(self: Streams, order_id: int, last: int) -> list[Happened]:
    happened = [event for events in self.events.values() for event in events if event.id > last]
    return sorted(happened, key=lambda event: event.id)[-2:]


def _ends_when_told(self: Streams, order_id: int, last: int, gone: Callable[[], bool]) -> Iterator[bytes]:
    return map(self.block, Streams.left(self, order_id, last))


def _forgets_the_last(shop: Shop, request: Request) -> Answer:
    del request.headers["Last-Event-ID"]
    return Shop.stream_order(shop, request)


def _takes_any_last(shop: Shop, request: Request) -> Answer:
    if not request.headers.get("Last-Event-ID", "").isdigit():
        del request.headers["Last-Event-ID"]
    return Shop.stream_order(shop, request)


def _without_data(self: Streams, event: Happened) -> bytes:
    return Streams.block(self, event).partition(b"data:")[0] + b"\n"


def _in_words(self: Streams, event: Happened) -> bytes:
    return Streams.block(self, event).replace(b'"status":', b'"state":')


def _waits_for_the_end(shop: Shop, request: Request) -> Answer:
    if request.method == "HEAD" and request.headers.get("Last-Event-ID"):
        time.sleep(1.1)
    return Shop.stream_order(shop, request)


def _leaves_without_notice(self: Streams, order_id: int, last: int, gone: Callable[[], bool]) -> Iterator[bytes]:
    return Streams.blocks(self, order_id, last, lambda: False)


def _drops_at_room(self: Streams, order_id: int, last: int, head: bool, gone: Callable[[], bool]) -> Any:
    if self.open >= self.most:
        raise ConnectionResetError
    return Streams.answer(self, order_id, last, head, gone)


def _broken(rule: str, how: dict[str, Any], case: str) -> Broken:
    return Broken(rule, how, "orders", f"streamOrder: {case}")


BROKEN = (
    _broken("events come newest first", streams(left=_newest_first), "the states so far are told at once"),
    _broken("events have no data", streams(block=_without_data), "the states so far are told at once"),
    _broken("data has other members", streams(block=_in_words), "the states so far are told at once"),
    _broken("streams break off", streams(blocks=_breaks_off), "the states so far are told at once"),
    _broken(
        "streams may be cached",
        headers("stream_order", without("Cache-Control")),
        "the states so far are told at once",
    ),
    _broken("other orders are told too", streams(left=_tells_everything), "a move is told on an open stream"),
    _broken("streams end with what is known", streams(blocks=_ends_when_told), "a move is told on an open stream"),
    _broken("Last-Event-ID is ignored", {"stream_order": _forgets_the_last}, "Last-Event-ID resumes after it"),
    _broken(
        "nothing left is an empty stream",
        streams(nothing_left=lambda self: (200, iter(()), {"Cache-Control": "no-cache"})),
        "nothing left to tell is 204",
    ),
    _broken(
        "any Last-Event-ID is taken",
        {"stream_order": _takes_any_last, "violations": violations_but(lambda e, v: e.where != "header")},
        "a Last-Event-ID that is none is named",
    ),
    _broken("HEAD waits for something", {"stream_order": _waits_for_the_end}, "HEAD waits for nothing"),
    _broken(
        "closed streams are not noticed",
        streams(most=2, heartbeat_s=60, blocks=_leaves_without_notice),
        "a closed stream makes room at once",
    ),
    _broken("comments come late", streams(heartbeat_s=60), "a quiet stream has a comment after 15 s"),
    _broken("comments come early", streams(heartbeat_s=0.05), "a quiet stream has a comment after 15 s"),
    _broken(
        "streams beyond the room are dropped",
        streams(most=2, answer=_drops_at_room),
        "beyond its room a service refuses streams, and nothing else",
    ),
    _broken(
        "streams beyond the room are told not when to come again",
        {**streams(most=2), **problems(lambda d, h: (d, without("Retry-After")(h)))},
        "beyond its room a service refuses streams, and nothing else",
    ),
)
