"""HTTP/1.1 as light as a load generator needs it: keep-alive, one request at a time on a connection, no pipelining.

Idle connections are used first in, first out, so that all of them, and with them the replicas behind, get an equal
share; last in, first out would leave the rest idle until the server closes them. Some are opened before the first
request and replaced when they are renewed; more are opened whenever a request finds none idle.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from random import Random
from typing import cast
from urllib.parse import urlsplit

import httptools

from lab.core.connecting import passes
from lab.errors import RuntimeFailure
from lab.load.opening import open_connection
from lab.load.requests import Exchange
from lab.load.target import address

CONNECTIONS_MAX = 512
# One connection for each 10 requests per second: used often enough that no server closes it as idle, few enough that
# a server with a thread for each connection can hold them.
RATE_PER_KEPT_CONNECTION = 10.0
KEPT_MAX = 64
# Renewed as often as a fleet of clients would, so that new replicas get their share within seconds while connecting
# stays a small part of the work; jittered, so that connections opened together are not renewed together.
RENEW_AFTER_REQUESTS = 200
RENEW_AFTER_S = 5.0
RENEW_JITTER = (0.5, 1.5)
CONNECTED_WITHIN_S = 3.0
AGAIN_AFTER_S = 0.1

# (the exchange, why it failed or None, the Location header)
Settle = Callable[[Exchange, str | None, bytes], None]


class Connection(asyncio.Protocol):
    """One connection. `reserved` is a request sent again, for which it was opened."""

    __slots__ = (
        "_answering",
        "_body",
        "_exchange",
        "_location",
        "_parser",
        "_pool",
        "_renew_after",
        "_renew_at",
        "_reserved",
        "_transport",
        "answers",
        "closed",
        "port",
        "reused",
    )
    _transport: asyncio.Transport

    def __init__(self, pool: Pool, reserved: Exchange | None) -> None:
        self._pool = pool
        self._reserved = reserved
        self._exchange: Exchange | None = None
        self._answering = False
        self._body = b""
        self._location = b""
        self._parser = httptools.HttpResponseParser(self)
        jitter = pool.chance.uniform(*RENEW_JITTER)
        self._renew_after = int(RENEW_AFTER_REQUESTS * jitter)
        self._renew_at = time.monotonic() + RENEW_AFTER_S * jitter
        self.answers = 0
        self.closed = False
        self.reused = False
        self.port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.port = transport.get_extra_info("sockname")[1]
        self._pool.opened(self, self._reserved)

    def send(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._answering = False
        self._pool.carrying[exchange] = self
        self._transport.write(exchange.payload)

    def give_up(self) -> None:
        """Ends the connection, whatever it carries."""
        self._exchange = None
        self.closed = True
        self._transport.abort()

    def close(self) -> None:
        self.closed = True
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._exchange is None:
            return self.give_up()  # an answer that nobody asked for
        self._answering = True
        try:
            return self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise  # a mistake of ours
        except httptools.HttpParserError:
            self._fail("malformed answer")
            return self.give_up()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if self._exchange:
            exchange = self._exchange
            if self.reused and not self._answering and exchange.kind.resendable and not exchange.resent:
                self._exchange = None
                self._pool.send_again(exchange)
            else:
                self._fail("connection reset" if error else "connection closed")
        self._pool.lost(self)

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._body = self._location = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 8 and name.lower() == b"location":
            self._location = value

    def on_body(self, data: bytes) -> None:
        self._body += data

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        exchange = self._exchange
        if exchange is None or status < 200:
            return
        self._exchange = None
        self.answers += 1
        self.reused = True
        self._pool.settled(exchange, exchange.kind.wrong(status, self._body), self._location)
        if not self._parser.should_keep_alive():
            self.close()
        elif self.answers >= self._renew_after or time.monotonic() >= self._renew_at:
            self._pool.renew(self)
        else:
            self._pool.release(self)

    def _fail(self, why: str) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange:
            self._pool.settled(exchange, why, b"")


class Pool:
    """The connections to one address; `settle` hears of every request that was submitted, unless it was forgotten."""

    def __init__(self, host: str, port: int, kept: int, chance: Random, settle: Settle) -> None:
        self.chance = chance
        self.carrying: dict[Exchange, Connection] = {}
        self._address = (host, port)
        self._kept = kept
        self._settle = settle
        self._idle: deque[Connection] = deque()
        self._waiting: deque[Exchange] = deque()
        self._open: set[Connection] = set()
        self._none_open = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending = 0
        self._answers_by_port: dict[int, int] = {}

    async def start(self) -> None:
        """Opens the connections that are kept. Raises OSError when the first can't be opened."""
        await self._connect(None)
        await asyncio.gather(*(self._connect(None) for _ in range(self._kept - 1)), return_exceptions=True)

    def submit(self, exchange: Exchange) -> None:
        while self._idle:
            connection = self._idle.popleft()
            if not connection.closed:
                return connection.send(exchange)
        self._waiting.append(exchange)
        return self._connect_for_waiting()

    def forget(self, exchange: Exchange) -> None:
        """Nothing is heard of this exchange any more; the connection that carries it is lost with it."""
        exchange.settled = True
        connection = self.carrying.pop(exchange, None)
        if connection:
            connection.give_up()

    async def stop(self) -> dict[int, int]:
        """Closes all; the number of answers by local port."""
        self._waiting.clear()
        self._kept = 0
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._none_open.clear()
        self._give_up_open()
        if self._open:
            await self._none_open.wait()
        return self._answers_by_port

    # What connections tell.

    def opened(self, connection: Connection, reserved: Exchange | None) -> None:
        self._pending -= 1
        self._open.add(connection)
        if reserved and not reserved.settled:
            connection.send(reserved)
        else:
            self.release(connection)

    def release(self, connection: Connection) -> None:
        while self._waiting:
            exchange = self._waiting.popleft()
            if not exchange.settled:
                return connection.send(exchange)
        connection.reused = True  # it may be closed as idle from now on
        self._idle.append(connection)
        return None

    def renew(self, connection: Connection) -> None:
        connection.close()
        if len(self._open) + self._pending <= self._kept:
            self._connect(None)

    def lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection.answers:
            self._answers_by_port[connection.port] = self._answers_by_port.get(connection.port, 0) + connection.answers
        if not self._open:
            self._none_open.set()
        self._connect_for_waiting()

    def send_again(self, exchange: Exchange) -> None:
        self.carrying.pop(exchange, None)
        exchange.resent = True
        self._connect(exchange)

    def settled(self, exchange: Exchange, error: str | None, location: bytes) -> None:
        self.carrying.pop(exchange, None)
        exchange.settled = True
        self._settle(exchange, error, location)

    def _give_up_open(self) -> None:
        for connection in self._open:
            connection.give_up()

    def _connect_for_waiting(self) -> None:
        while self._pending < len(self._waiting) and len(self._open) + self._pending < CONNECTIONS_MAX:
            self._connect(None)

    def _connect(self, reserved: Exchange | None) -> asyncio.Task[None]:
        self._pending += 1
        task = asyncio.get_running_loop().create_task(self._open_one(reserved))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._connected(done, reserved))
        return task

    async def _open_one(self, reserved: Exchange | None) -> None:
        await open_connection(lambda: Connection(self, reserved), *self._address)

    def _connected(self, task: asyncio.Task[None], reserved: Exchange | None) -> None:
        """Of a connection that could not be opened, the request that it was for fails, else the oldest that waits."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or error:
            self._pending -= 1
        if not error:
            return
        while reserved is None and self._waiting:
            oldest = self._waiting.popleft()
            reserved = None if oldest.settled else oldest
        if reserved and not reserved.settled:
            refused = isinstance(error, ConnectionRefusedError)
            self.settled(reserved, "connection refused" if refused else "cannot connect", b"")


async def connected(url: str, kept: int, seed: int, settle: Settle) -> Pool:
    """A pool whose connections are open. Raises RuntimeFailure when `url` can't be reached."""
    chance = Random(f"{seed} connections")  # noqa: S311  jitter
    give_up = time.monotonic() + CONNECTED_WITHIN_S
    try:
        while True:
            pool = Pool(address(url), urlsplit(url).port or 80, kept, chance, settle)
            try:
                await pool.start()
                return pool
            except OSError as error:
                await pool.stop()
                if not passes(error) or time.monotonic() > give_up:
                    raise
            except BaseException:
                await pool.stop()
                raise
            await asyncio.sleep(AGAIN_AFTER_S)
    except OSError as error:
        raise RuntimeFailure(f"cannot connect to {url}: {error.strerror or error}; is the service up?") from None
