"""One trial's load: sends what is planned when it is due and measures what comes back.

Latency counts from when a request was due, whatever kept it: the generator, a missing connection, the service. Streams
are opened before the first request is due, and closed after the last was settled.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lab.core.measurement import Measurement, StreamsSeen
from lab.core.operations import Operation
from lab.errors import RuntimeFailure
from lab.load.alarm import alarm
from lab.load.client import KEPT_MAX, RATE_PER_KEPT_CONNECTION, Pool, connected
from lab.load.requests import Exchange, Ids, plan
from lab.load.streams import OpenStreams
from lab.load.tally import answers, percentile, seconds
from lab.ports import Load

HEAD_START_S = 0.02
SWEEP_S = 0.05  # how late a timeout may be noticed
TELL_S = 0.5
PROC_STAT = Path("/proc/stat")


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the machine counted until now, in seconds; steal and total are of all CPUs, 0 where not known."""

    wall_s: float
    own_cpu_s: float
    steal: float
    total: float

    @classmethod
    def read(cls) -> Clocks:
        steal = total = 0.0
        if PROC_STAT.exists():
            # user nice system idle iowait irq softirq steal; guest time is part of user time
            ticks = [float(value) for value in PROC_STAT.read_text().split("\n", 1)[0].split()[1:9]]
            steal, total = ticks[7], sum(ticks)
        return cls(time.monotonic(), time.process_time(), steal, total)


class Listener(Protocol):
    """Hears of a trial while it runs."""

    def prepared(self) -> None:
        """All that it needs is made and open; `Trial.begin` is waited for."""
        ...

    def progress(self, lags_s: Sequence[float], settled: Sequence[Exchange]) -> None:
        """How late requests have left, and which were settled, since it was last told; about twice a second."""
        ...


class _Nobody:
    def prepared(self) -> None: ...

    def progress(self, lags_s: Sequence[float], settled: Sequence[Exchange]) -> None: ...


class Trial:
    """Runs once. `stop` ends it early: what was not answered by then counts as never scheduled.

    One of several workers waits for `begin` once it is prepared, so that all begin together.
    """

    def __init__(
        self, load: Load, operations: Mapping[str, Operation], ids: Ids, listener: Listener | None = None
    ) -> None:
        self._load = load
        self._operations = operations
        self._ids = ids
        self._listener = listener or _Nobody()
        self._done: list[Exchange] = []
        self._lags_s: list[float] = []
        self._told = (0, 0)
        self._head_start_s = HEAD_START_S
        self._under_way: deque[Exchange] = deque()
        self._pools: dict[str, Pool] = {}
        self._next = 0
        self._unsettled = 0
        self._after: Clocks | None = None
        opened = load.scenario.streams if load.streams else None
        self._streams = OpenStreams(load, opened, operations) if opened else None

    async def run(self) -> Measurement:
        """Raises RuntimeFailure when a target can't be reached at all, or nothing be prepared for its streams."""
        loop = asyncio.get_running_loop()
        self._stopped: asyncio.Future[None] = loop.create_future()
        self._over: asyncio.Future[None] = loop.create_future()
        self._start_at: asyncio.Future[float] = loop.create_future()
        loop.set_exception_handler(self._broke)
        self._plan = plan(self._load, self._operations, self._ids)
        self._unsettled = len(self._plan.exchanges)
        by_pool: list[Mapping[int, int]] = []
        seen = None
        self._tell_again()
        try:
            await self._unless_stopped(self._prepare())
            self._before = Clocks.read()
            self._start = self._before.wall_s + self._head_start_s
            changes = asyncio.ensure_future(self._streams.change(self._start)) if self._streams else None
            await self._unless_stopped(self._send())
            end = Clocks.read()
            if self._streams and changes:
                await self._unless_stopped(changes)
                seen = self._streams.seen()
        finally:
            self._teller.cancel()
            if self._streams:
                await self._streams.close()
            by_pool += [await pool.stop() for pool in self._pools.values()]
            loop.set_exception_handler(None)
        self._tell()
        return self._measurement(end, self._after or end, by_pool, seen)

    def begin(self, start_at: float) -> None:
        """The first request is due at `start_at`, Unix seconds; later ones count from there."""
        if not self._start_at.done():
            self._start_at.set_result(start_at)

    def stop(self) -> None:
        if not self._stopped.done():
            self._stopped.set_result(None)

    def _broke(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A mistake of ours in a callback ends the trial: a measurement without that request would be a lie."""
        if not self._stopped.done():
            self._stopped.set_exception(context.get("exception") or RuntimeError(context["message"]))

    async def _unless_stopped(self, work: Awaitable[None]) -> None:
        """Waits for `work`, which `stop` ends. Raises what went wrong in it, and what broke meanwhile."""
        task = asyncio.ensure_future(work)
        await asyncio.wait((task, self._stopped), return_when=asyncio.FIRST_COMPLETED)
        if self._stopped.done():
            task.cancel()
            await asyncio.wait((task,))
            self._stopped.result()
        else:
            task.result()

    async def _prepare(self) -> None:
        if self._streams:
            await self._streams.open()
        kinds = {*(exchange.kind for exchange in self._plan.exchanges), *self._plan.makers.values()}
        peak_per_s = self._load.peak_per_s / self._load.share.workers
        kept = min(KEPT_MAX, max(1, round(peak_per_s / RATE_PER_KEPT_CONNECTION)))
        for url in sorted({kind.url for kind in kinds}):
            self._pools[url] = await connected(url, kept, self._load.seed, self._settle)
        if self._load.share.workers > 1:
            await self._common_start()

    async def _common_start(self) -> None:
        """Returns shortly before it. Raises RuntimeFailure when that is past already."""
        self._listener.prepared()
        start_at = await self._start_at
        late_s = time.time() - start_at
        if late_s > 0:
            raise RuntimeFailure(
                f"load worker {self._load.share.worker} heard of the common start {late_s:.3f} s after it; "
                "are the nodes' clocks in step, and is there CPU left for it?"
            )
        await asyncio.sleep(-late_s - HEAD_START_S)
        self._head_start_s = start_at - time.time()

    async def _send(self) -> None:
        """Returns when everything was sent and settled, at the schedule's end at the earliest."""
        self._alarm = alarm(asyncio.get_running_loop(), self._tick)
        self._alarm.set(self._start)
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)
        try:
            await self._over
        finally:
            self._alarm.close()
            self._sweeper.cancel()

    def _tick(self) -> None:
        """Sends all that is due, then sleeps until the next is; after the last, until the schedule's end."""
        exchanges = self._plan.exchanges
        now = time.monotonic() - self._start
        index = self._next
        while index < len(exchanges) and exchanges[index].due <= now:
            exchange = exchanges[index]
            index += 1
            self._plan.leave(exchange)
            self._lags_s.append(now - exchange.due)
            self._under_way.append(exchange)
            self._pools[exchange.kind.url].submit(exchange)
        self._next = index
        if index < len(exchanges):
            self._alarm.set(self._start + exchanges[index].due)
        elif now < self._load.duration_s:
            self._alarm.set(self._start + self._load.duration_s)
        else:
            self._after = Clocks.read()
            self._end_if_all_settled()

    def _sweep(self) -> None:
        """Fails what has no answer in time. All have the same time, so the oldest are the first."""
        deadline = time.monotonic() - self._start - self._load.scenario.timeout_s
        under_way = self._under_way
        while under_way and (under_way[0].settled or under_way[0].due <= deadline):
            exchange = under_way.popleft()
            if not exchange.settled:
                self._pools[exchange.kind.url].forget(exchange)
                self._settle(exchange, "timeout", b"")
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def _settle(self, exchange: Exchange, error: str | None, location: bytes) -> None:
        exchange.latency_s = time.monotonic() - self._start - exchange.due
        exchange.error = error
        self._done.append(exchange)
        if location and not error:
            self._plan.learn(exchange.kind.operation.id, location)
        self._unsettled -= 1
        self._end_if_all_settled()

    def _end_if_all_settled(self) -> None:
        if not self._unsettled and self._after and not self._over.done():
            self._over.set_result(None)

    def _tell_again(self) -> None:
        self._tell()
        self._teller = asyncio.get_running_loop().call_later(TELL_S, self._tell_again)

    def _tell(self) -> None:
        left, done = self._told
        self._told = len(self._lags_s), len(self._done)
        self._listener.progress(self._lags_s[left:], self._done[done:])

    def _measurement(
        self, end: Clocks, after: Clocks, by_pool: Iterable[Mapping[int, int]], seen: StreamsSeen | None
    ) -> Measurement:
        by_connection: Counter[int] = Counter()
        for counts in by_pool:
            by_connection.update(counts)
        load = self._load
        done = [exchange for exchange in self._done if not exchange.beside]
        workload = answers(done, load.rate_per_s / load.share.workers)
        beside = [exchange for exchange in self._done if exchange.beside]
        before = self._before
        wall_s = max(after.wall_s - before.wall_s, HEAD_START_S)  # stopped before it began: too short to say anything
        total = after.total - before.total
        return Measurement(
            rate_per_s=workload.rate_per_s,
            duration_s=max(0.0 if self._stopped.done() else load.duration_s, end.wall_s - self._start),
            scheduled=workload.scheduled,
            answered=workload.answered,
            errors=workload.errors,
            retried=workload.retried,
            latency_ms=workload.latency_ms,
            latency_histogram=workload.latency_histogram,
            schedule_lag_p99_s=percentile(self._lags_s, 0.99),
            generator_cpu_share=(after.own_cpu_s - before.own_cpu_s) / wall_s,
            steal_share=(after.steal - before.steal) / total if total else 0.0,
            requests_by_connection=dict(by_connection),
            beside=answers(beside, load.beside_per_s / load.share.workers) if load.beside_per_s else None,
            streams=seen,
            seconds=seconds(done, load.scenario.slo.p99_ms / 1000),
        )
