"""One trial's load: sends what is planned when it is due and measures what comes back.

Latency counts from when a request was due, whatever kept it: the generator, a missing connection, the service.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

from lab.core.measurement import Measurement
from lab.core.operations import Operation
from lab.errors import RuntimeFailure
from lab.load.alarm import alarm
from lab.load.client import KEPT_MAX, RATE_PER_KEPT_CONNECTION, Pool
from lab.load.requests import Exchange, Ids, plan
from lab.load.target import address
from lab.ports import Load

HEAD_START_S = 0.02
SWEEP_S = 0.05  # how late a timeout may be noticed
LATENCY_MAX_US = 3_600_000_000
SIGNIFICANT_DIGITS = 3
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
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


class Trial:
    """Runs once. `stop` ends it early: what was not answered by then counts as never scheduled."""

    def __init__(self, load: Load, operations: Mapping[str, Operation], ids: Ids) -> None:
        self._load = load
        self._operations = operations
        self._ids = ids
        self._latencies_s: list[float] = []
        self._lags_s: list[float] = []
        self._errors: Counter[str] = Counter()
        self._under_way: deque[Exchange] = deque()
        self._pools: dict[str, Pool] = {}
        self._next = 0
        self._stopped = False
        self._over: asyncio.Future[None] | None = None
        self._after: Clocks | None = None

    async def run(self) -> Measurement:
        """Raises RuntimeFailure when a target can't be reached at all."""
        loop = asyncio.get_running_loop()
        self._plan = plan(self._load, self._operations, self._ids)
        try:
            await self._connect()
            self._over = loop.create_future()
            loop.set_exception_handler(self._broke)
            self._alarm = alarm(loop, self._tick)
            self._before = Clocks.read()
            self._start = self._before.wall_s + HEAD_START_S
            self._alarm.set(self._start)
            self._sweeper = loop.call_later(SWEEP_S, self._sweep)
            if self._stopped:
                self.stop()
            await self._over
            end = time.monotonic()
            self._alarm.close()
            self._sweeper.cancel()
        finally:
            answers = [await pool.stop() for pool in self._pools.values()]
        return self._measurement(end, self._after or Clocks.read(), answers)

    def _broke(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A mistake of ours in a callback ends the trial: a measurement without that request would be a lie."""
        if self._over and not self._over.done():
            self._over.set_exception(context.get("exception") or RuntimeError(context["message"]))

    def stop(self) -> None:
        self._stopped = True
        if self._over and not self._over.done():
            self._over.set_result(None)

    async def _connect(self) -> None:
        kinds = {*(exchange.kind for exchange in self._plan.exchanges), *self._plan.makers.values()}
        kept = min(KEPT_MAX, max(1, round(self._load.rate_per_s / RATE_PER_KEPT_CONNECTION)))
        for url in sorted({kind.url for kind in kinds}):
            chance = Random(f"{self._load.seed} connections")  # noqa: S311  jitter
            try:
                host = address(url)
                self._pools[url] = Pool(host, urlsplit(url).port or 80, kept, chance, self._settled)
                await self._pools[url].start()
            except OSError as error:
                raise RuntimeFailure(
                    f"cannot connect to {url}: {error.strerror or error}; is the service up?"
                ) from None

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
                self._settled(exchange, "timeout", b"")
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def _settled(self, exchange: Exchange, error: str | None, location: bytes) -> None:
        self._latencies_s.append(time.monotonic() - self._start - exchange.due)
        if error:
            self._errors[error] += 1
        elif location:
            self._plan.learn(exchange.kind.operation.id, location)
        self._end_if_all_settled()

    def _end_if_all_settled(self) -> None:
        all_settled = len(self._latencies_s) == len(self._plan.exchanges)
        if all_settled and self._after and self._over and not self._over.done():
            self._over.set_result(None)

    def _measurement(self, end: float, after: Clocks, answers: Iterable[Mapping[int, int]]) -> Measurement:
        by_connection: Counter[int] = Counter()
        for counts in answers:
            by_connection.update(counts)
        histogram = HdrHistogram(1, LATENCY_MAX_US, SIGNIFICANT_DIGITS)
        for latency_us, count in Counter(round(latency * 1e6) for latency in self._latencies_s).items():
            histogram.record_value(max(1, latency_us), count)
        values_us = histogram.get_percentile_to_value_dict(list(PERCENTILES.values()))
        before = self._before
        total = after.total - before.total
        return Measurement(
            rate_per_s=self._load.rate_per_s,
            duration_s=end - self._start if self._stopped else max(self._load.duration_s, end - self._start),
            scheduled=len(self._latencies_s),
            answered=len(self._latencies_s) - self._errors.total(),
            errors=dict(self._errors),
            retried=sum(pool.retried for pool in self._pools.values()),
            latency_ms={name: values_us.get(share, 0) / 1000 for name, share in PERCENTILES.items()},
            latency_histogram=histogram.encode().decode(),
            schedule_lag_p99_s=_p99(self._lags_s),
            generator_cpu_share=(after.own_cpu_s - before.own_cpu_s) / (after.wall_s - before.wall_s),
            steal_share=(after.steal - before.steal) / total if total else 0.0,
            requests_by_connection=dict(by_connection),
        )


def _p99(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))] if values else 0.0
