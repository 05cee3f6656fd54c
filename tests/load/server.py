"""A small HTTP server whose every answer a test decides, and one trial's load on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import uvloop

from lab.core.measurement import Measurement
from lab.core.scenario import Beside, Request, Scenario, Slo, Streams
from lab.load.requests import Ids
from lab.load.trial import Trial
from lab.ports import Load
from lab.tree import contract_operations


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived at `at` (of time.monotonic()); it is the `nth` on its connection, from 1."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    nth: int
    at: float


@dataclass(frozen=True, slots=True)
class Reply:
    """Sent `after_s`; then the connection is closed, or not, or kept as one that follows a thing.

    `tell` is what those that follow `about` are told then, `tell_after_s`.
    """

    data: bytes
    after_s: float = 0.0
    close: bool = False
    follow: str = ""
    about: str = ""
    tell: bytes = b""
    tell_after_s: float = 0.0


CLOSED = Reply(b"", close=True)
SILENCE = Reply(b"")

Answer = Callable[[Seen], Reply]


def reply(
    body: str = '{"status":"ok"}', status: str = "200 OK", headers: str = "", after_s: float = 0.0, close: bool = False
) -> Reply:
    length = "" if status.startswith("204") else f"Content-Length: {len(body)}\r\n"
    return Reply(f"HTTP/1.1 {status}\r\n{length}{headers}\r\n{body}".encode(), after_s, close)


@dataclass(slots=True)
class Server:
    """What the server has seen so far."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    followers: dict[str, list[asyncio.Transport]] = field(default_factory=dict)

    def tell(self, about: str, data: bytes) -> None:
        for follower in self.followers.get(about, ()):
            follower.write(data)


class ServerProtocol(asyncio.Protocol):
    def __init__(self, server: Server, answer: Answer) -> None:
        self._server = server
        self._answer = answer
        self._buffer = b""
        self._nth = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.connections += 1
        self._server.open += 1
        self._number = self._server.connections

    def connection_lost(self, error: Exception | None) -> None:
        self._server.open -= 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        if not end or len(rest) < length:
            return
        self._buffer = rest[length:]
        self._nth += 1
        method, path, _ = first.split(" ")
        seen = Seen(method, path, headers, rest[:length], self._number, self._nth, time.monotonic())
        self._server.seen.append(seen)
        decided = self._answer(seen)
        asyncio.get_running_loop().call_later(decided.after_s, self._send, decided)

    def _send(self, decided: Reply) -> None:
        if decided.data:
            self._transport.write(decided.data)
        if decided.close:
            self._transport.close()
        if decided.follow:
            self._server.followers.setdefault(decided.follow, []).append(self._transport)
        if decided.tell:
            asyncio.get_running_loop().call_later(decided.tell_after_s, self._server.tell, decided.about, decided.tell)


PING = Request("ping", 1, {}, {}, {}, None)
GET_PRODUCT = Request("getProduct", 1, {"product_id": 7}, {}, {}, None)
LINES = {"lines": [{"product_id": 1, "quantity": 1}]}
PLACE_ORDER = Request("placeOrder", 1, {}, {}, {"Idempotency-Key": {"token": 16}}, LINES)
GET_ORDER = Request("getOrder", 1, {"order_id": {"pick": "placeOrder"}}, {}, {}, None)
MOVE_ORDER = Request("moveOrder", 1, {"order_id": {"take": "placeOrder"}}, {}, {}, {"to": "cancelled"})
MOVE_ORDER_7 = Request("moveOrder", 1, {"order_id": 7}, {}, {}, {"to": "cancelled"})
CONFIRM = Request("moveOrder", 1, {"order_id": {"pick": "placeOrder"}}, {}, {}, {"to": "confirmed"})
STREAM_ORDER = Request("streamOrder", 1, {"order_id": {"pick": "placeOrder"}}, {}, {}, None)
STREAMS = Streams(PLACE_ORDER, STREAM_ORDER, CONFIRM)


def make_load(
    url: str,
    *requests: Request,
    rate_per_s: float = 100,
    duration_s: float = 0.2,
    timeout_s: float = 2.0,
    state: str = "",
    seed: int = 1,
    streams: int = 0,
    beside: Request | None = None,
    beside_per_s: float = 0,
    run: str = "",
    trial: str = "",
    variant: str = "",
) -> Load:
    """Pings unless `requests` says otherwise; streams, if any, are of orders."""
    scenario = Scenario(
        "test",
        "Test",
        rate_per_s,
        timeout_s,
        requests or (PING,),
        Slo(p99_ms=100, error_share=0),
        streams=STREAMS if streams else None,
        beside=Beside(beside, beside_per_s, (0, 1)) if beside else None,
    )
    urls = {"catalog": url, "orders": url}
    return Load(
        scenario, urls, state, rate_per_s, duration_s, seed, "a-token", streams, beside_per_s, run, trial, variant
    )


def measure(load: Load, ids: Ids | None = None) -> Measurement:
    """Runs the load in this process."""
    trial = Trial(load, contract_operations(), {} if ids is None else ids)
    return uvloop.run(trial.run())
