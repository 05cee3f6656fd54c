"""The streams of one trial: what they are about is made first, then they are opened, and changes are told on them.

The requests for that go over connections of their own, so that those of the schedule stay as they are without streams.
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import TypeVar
from urllib.parse import urlsplit

from lab.core.latencies import DELAY_PERCENTILES, Latencies
from lab.core.measurement import StreamsSeen
from lab.core.operations import Operation
from lab.core.scenario import Streams
from lab.errors import RuntimeFailure
from lab.load.client import CONNECTIONS_MAX, Pool, connected
from lab.load.opening import open_connection
from lab.load.requests import Exchange, Kind, id_in, some_unique
from lab.load.stream import Change, Stream
from lab.load.target import address
from lab.ports import Load

T = TypeVar("T")

THINGS_MAX = 100
PREPARED_AT_ONCE = 4
PREPARE_MAX_S = 45.0
OPENED_AT_ONCE = 50
OPEN_MAX_S = 60.0
# Changes come while nothing else begins or ends, and slowly enough that their own work is no load.
CHANGED_SHARE = 0.8
CHANGES_PER_S_MAX = 5
SPARE_FILES = 64
ANSWER_SHOWN = 300
LATE = "no event in time"


@dataclass(frozen=True, slots=True)
class Thing:
    """What some of the streams are about."""

    id: bytes
    streams: list[Stream]

    @property
    def open(self) -> list[Stream]:
        return [stream for stream in self.streams if stream.is_open]


class _Preparation(Kind):
    """Says more of a wrong answer, because nothing goes on after it."""

    def wrong(self, status: int, body: bytes) -> str | None:
        wrong = super().wrong(status, body)
        return wrong and f"{wrong}: {body[:ANSWER_SHOWN].decode(errors='replace')}".rstrip(": ")


class OpenStreams:
    """`load.streams` streams. In this order: `open`, `change` from the start of the schedule, `seen`, `close`."""

    def __init__(self, load: Load, streams: Streams, operations: Mapping[str, Operation]) -> None:
        self._load = load
        self._prepared = _Preparation(streams.prepare, load, operations)
        self._opened = Kind(streams.open, load, operations)
        self._changed = Kind(streams.change, load, operations)
        self._chance = Random(f"{load.seed} streams")  # noqa: S311  repeats itself for a seed
        self._unique = some_unique()
        self._pools: dict[str, Pool] = {}
        self._asked: dict[Exchange, asyncio.Future[tuple[str | None, bytes]]] = {}
        self._things: list[Thing] = []
        self._delays_s: list[float] = []
        self._errors: Counter[str] = Counter()

    async def open(self) -> None:
        """Returns when every stream is open, refused or failed. Raises RuntimeFailure when there is nothing to open."""
        self._check_files()
        for url in {self._prepared.url, self._changed.url}:
            self._pools[url] = await connected(url, 1, self._load.seed, self._answered)
        await self._prepare()
        streams = []
        for number in range(self._load.streams):
            thing = self._things[number % len(self._things)]
            streams.append(Stream(self._payload(self._opened, thing.id)))
            thing.streams.append(streams[-1])
        host, port = address(self._opened.url), urlsplit(self._opened.url).port or 80
        try:
            async with asyncio.timeout(OPEN_MAX_S):
                await _each(OPENED_AT_ONCE, lambda stream: self._open(stream, host, port), streams)
        except TimeoutError:
            for stream in streams:
                if not stream.begun.done():
                    stream.fail(LATE)

    async def change(self, start: float) -> None:
        """Returns when the events of all changes have arrived or are late. `start` is of time.monotonic().

        Several workers take turns.
        """
        share = self._load.share
        lasting = self._load.duration_s * CHANGED_SHARE
        most = int(lasting * CHANGES_PER_S_MAX / share.workers)
        count = min(sum(bool(thing.open) for thing in self._things), most)
        first = start + (self._load.duration_s - lasting) / 2
        turn = (share.worker + 0.5) / share.workers
        left = iter(self._things)
        async with asyncio.TaskGroup() as changes:
            for number in range(count):
                await asyncio.sleep(first + (number + turn) * lasting / count - time.monotonic())
                thing = next((thing for thing in left if thing.open), None)
                if thing:
                    changes.create_task(self._change(thing))

    def seen(self) -> StreamsSeen:
        streams = [stream for thing in self._things for stream in thing.streams]
        delays = Latencies.of(self._delays_s)
        return StreamsSeen(
            wanted=self._load.streams,
            held=sum(stream.is_open for stream in streams),
            refused=sum(stream.is_refused for stream in streams),
            errors=dict(self._errors + Counter(stream.error for stream in streams if stream.error)),
            events=delays.count,
            event_delay_ms=delays.percentiles_ms(DELAY_PERCENTILES) if delays.count else None,
            event_delay_histogram=delays.encoded() if delays.count else "",
        )

    async def close(self) -> None:
        connections = [stream for thing in self._things for stream in thing.streams if stream.lost]
        for stream in connections:
            stream.close()
        await asyncio.gather(*(stream.lost for stream in connections if stream.lost))
        for pool in self._pools.values():
            await pool.stop()

    def _check_files(self) -> None:
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        needed = self._load.streams + CONNECTIONS_MAX + SPARE_FILES
        if needed > allowed:
            raise RuntimeFailure(
                f"{self._load.streams} streams need up to {needed} open files, and a process may have {allowed}; "
                f"allow more, for example with  ulimit -n {needed}"
            )

    async def _prepare(self) -> None:
        count = min(self._load.streams, max(1, THINGS_MAX // self._load.share.workers))
        try:
            async with asyncio.timeout(PREPARE_MAX_S):
                await _each(PREPARED_AT_ONCE, self._prepare_one, range(count))
        except TimeoutError:
            answered = f"{len(self._things)} of {count} requests were answered within {PREPARE_MAX_S:.0f} s"
            raise RuntimeFailure(self._not_prepared(answered)) from None

    async def _prepare_one(self, _: int) -> None:
        error, location = await self._ask(self._prepared, b"")
        if error is None and not location:
            error = "a success without Location"
        if error:
            raise RuntimeFailure(self._not_prepared(error))
        self._things.append(Thing(id_in(location), []))

    def _not_prepared(self, why: str) -> str:
        operation = self._prepared.operation
        return f"cannot prepare streams: {operation.method} {operation.path} at {self._prepared.url}: {why}"

    async def _open(self, stream: Stream, host: str, port: int) -> None:
        try:
            async with asyncio.timeout(self._load.scenario.timeout_s):
                await open_connection(lambda: stream, host, port)
                await stream.begun
        except TimeoutError:
            stream.fail(LATE)
        except asyncio.CancelledError:
            stream.begun.cancel()
            raise
        except ConnectionRefusedError:
            stream.fail("connection refused")
        except OSError:
            stream.fail("cannot connect")

    async def _change(self, thing: Thing) -> None:
        late_at = time.monotonic() + self._load.scenario.timeout_s
        change = Change(thing.open)
        error, _ = await self._ask(self._changed, thing.id)
        if error:
            self._errors[f"change: {error}"] += 1
        else:
            try:
                async with asyncio.timeout(late_at - time.monotonic()):
                    await change.over.wait()
            except TimeoutError:
                self._errors[LATE] += len(change.waiting)
        for stream in list(change.waiting):
            change.give_up(stream)
        self._delays_s += change.delays_s

    async def _ask(self, kind: Kind, id_: bytes) -> tuple[str | None, bytes]:
        """What was wrong with the answer, and its Location."""
        exchange = Exchange(0.0, kind, self._payload(kind, id_), b"")
        self._asked[exchange] = asyncio.get_running_loop().create_future()
        self._pools[kind.url].submit(exchange)
        try:
            async with asyncio.timeout(self._load.scenario.timeout_s):
                return await self._asked[exchange]
        except TimeoutError:
            return "timeout", b""
        finally:
            del self._asked[exchange]
            if not exchange.settled:
                self._pools[kind.url].forget(exchange)

    def _answered(self, exchange: Exchange, error: str | None, location: bytes) -> None:
        asked = self._asked[exchange]
        if not asked.done():
            asked.set_result((error, location))

    def _payload(self, kind: Kind, id_: bytes) -> bytes:
        first, rest = kind.render(self._chance, self._unique)
        return first + id_ + rest if kind.source else first


async def _each(most: int, work: Callable[[T], Awaitable[None]], items: Iterable[T]) -> None:
    """Does `work` with each item, with at most `most` at a time. Raises what the first of them raises."""
    left = iter(items)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(most):
                group.create_task(_do(work, left))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _do(work: Callable[[T], Awaitable[None]], items: Iterator[T]) -> None:
    for item in items:
        await work(item)
