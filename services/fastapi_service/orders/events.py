"""What becomes of an order, as it happens: streams that wait, and the one connection that hears when there is news.

The connection is made for the first stream and kept. When it is lost every stream ends, and the next one makes another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg  # type: ignore[import-untyped]
from shop import streams
from shop.orders import OrderStatus, is_final
from shop.settings import DATABASE_POOL_TIMEOUT_S, Database
from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError
from telemetry.errors import message

from fastapi_service.database import NO_CONNECTION, connect

log = logging.getLogger(__name__)

Events = Sequence[Row[tuple[int, str, datetime]]]  # id, status, created_at; ids ascending


class Bell:
    """Rings when there may be news of an order, and when nobody will hear of any."""

    def __init__(self) -> None:
        self.over = False
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    def end(self) -> None:
        self.over = True
        self.ring()

    async def rings_before(self, moment: float) -> bool:
        """Waits until it rings, or for that moment of the event loop's clock."""
        try:
            async with asyncio.timeout_at(moment):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True


class Listener:
    """The bells of this replica, and who rings them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bells: dict[str, set[Bell]] = {}  # by order id, as it is notified
        self._connection: asyncpg.Connection | None = None
        self._connecting = asyncio.Lock()
        self._end: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._bells.values()))

    @asynccontextmanager
    async def bell(self, order_id: int, ending: asyncio.Event) -> AsyncIterator[Bell]:
        """Rings for what becomes of the order from now on, and when `ending` is set. Raises NO_CONNECTION."""
        bell = Bell()
        bells = self._bells.setdefault(str(order_id), set())
        bells.add(bell)
        try:
            async with asyncio.timeout(DATABASE_POOL_TIMEOUT_S), self._connecting:
                await self._listen()
            if self._end is None:
                self._end = asyncio.create_task(self._end_with(ending))
            if ending.is_set():
                bell.end()
            yield bell
        finally:
            bells.remove(bell)
            if not bells:
                del self._bells[str(order_id)]

    async def _listen(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            return
        connection = await connect(self._database)
        connection.add_termination_listener(self._end_all)
        try:
            await connection.add_listener(streams.CHANNEL, self._heard)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection

    def _heard(self, connection: object, pid: int, channel: str, order_id: str) -> None:
        for bell in self._bells.get(order_id, ()):
            bell.ring()

    def _end_all(self, connection: object = None) -> None:
        for bells in self._bells.values():
            for bell in bells:
                bell.end()

    async def _end_with(self, ending: asyncio.Event) -> None:
        await ending.wait()
        self._end_all()

    async def close(self) -> None:
        if self._end is not None:
            self._end.cancel()
        if self._connection is not None:
            await self._connection.close()


class OrderStream:
    """The events of an order after the one that the client has `seen`, until a final state or for `max_s`."""

    def __init__(self, bell: Bell, read: Callable[[], Awaitable[Events]], seen: int, max_s: float) -> None:
        self._bell = bell
        self._read = read
        self._seen = seen
        self._max_s = max_s
        self._news: list[bytes] = []
        self._final = False

    async def look(self) -> bool:
        """Reads what is new; whether the order has events at all, as every order has."""
        events = await self._read()
        for event_id, status, created_at in events:
            if event_id > self._seen:
                self._news.append(streams.event(event_id, status, created_at))
                self._seen = event_id
            self._final = is_final(OrderStatus(status))
        return bool(events)

    @property
    def told(self) -> bool:
        """Whether the client knows all, and all that will ever be."""
        return self._final and not self._news

    async def chunks(self, *, wait: bool) -> AsyncIterator[bytes]:
        """What to send: what is known, and if it is to `wait`, what happens."""
        clock = asyncio.get_running_loop().time
        ends_at = clock() + self._max_s
        beats_at = clock() + streams.HEARTBEAT_S
        while True:
            if self._news:
                yield b"".join(self._news)
                self._news.clear()
                beats_at = clock() + streams.HEARTBEAT_S
            if self._final or self._bell.over or not wait:
                return
            if not await self._bell.rings_before(min(beats_at, ends_at)):
                if ends_at <= beats_at:
                    return
                yield streams.HEARTBEAT
                beats_at = clock() + streams.HEARTBEAT_S
            elif not self._bell.over and not await self._look_again():
                return

    async def _look_again(self) -> bool:
        try:
            return await self.look()
        except (DBAPIError, *NO_CONNECTION) as error:
            log.warning("a stream ends: %s", message(error))
            return False
