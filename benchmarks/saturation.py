"""As many requests as a service answers: each of a number of connections sends its next when the last was answered.

It takes about 40 µs of CPU for a request, so it is a limit only for services that answer in as little.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from dataclasses import dataclass
from itertools import cycle

import uvloop

from lab.load.client import connected
from lab.load.requests import Exchange, plan
from lab.ports import Load
from lab.tree import contract_operations

CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Answered:
    """`seconds` are until the last answer; `errors` are by kind, as in a Measurement."""

    count: int
    seconds: float
    errors: Counter[str]

    @property
    def per_s(self) -> float:
        return self.count / self.seconds


class Saturation:
    """Against one service: the requests of `load`, over and over from where the last block ended."""

    def __init__(self, load: Load) -> None:
        """Its rate, duration and seed say which requests there are."""
        exchanges = plan(load, contract_operations(), {}).exchanges
        self._url = next(iter(load.urls.values()))
        self._requests = cycle([(exchange.kind, exchange.payload) for exchange in exchanges])

    def run(self, duration_s: float) -> Answered:
        gc.collect()
        gc.disable()
        try:
            return uvloop.run(self._run(duration_s))
        finally:
            gc.enable()

    async def _run(self, duration_s: float) -> Answered:
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        errors: Counter[str] = Counter()
        count, under_way = 0, CONNECTIONS

        def settled(exchange: Exchange, error: str | None, location: bytes) -> None:
            nonlocal count
            count += 1
            if error:
                errors[error] += 1
            loop.call_soon(send)  # its connection is free only then

        def send() -> None:
            nonlocal under_way
            if time.monotonic() < start + duration_s:
                kind, payload = next(self._requests)
                return pool.submit(Exchange(0.0, kind, payload, b""))
            under_way -= 1
            return None if under_way or over.done() else over.set_result(None)

        pool = await connected(self._url, CONNECTIONS, 0, settled)
        start = time.monotonic()
        for _ in range(CONNECTIONS):
            send()
        await over
        seconds = time.monotonic() - start
        await pool.stop()
        return Answered(count, seconds, errors)
