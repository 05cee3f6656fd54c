"""The fake service with metrics, of which one replica answers 40 requests a second: two at a time, in 50 ms each.

It waits, as for a database, so that replicas share a core without slowing each other down.
"""

from __future__ import annotations

import asyncio
import time

from tests.core.exposing import Exposing
from tests.runtimes.fake_service import Service

WORKERS = 2
TAKES_S = 0.05


class WaitingService(Service):
    def __init__(self) -> None:
        super().__init__()
        self.exposing = Exposing(WORKERS)
        self.free = asyncio.Semaphore(WORKERS)
        self.cpu_s = 0.0

    async def answer(self, path: bytes, writer: asyncio.StreamWriter) -> None:
        self.exposing.executor.inc()
        async with self.free:
            self.exposing.executor.dec()
            with self.exposing.active.track_inprogress():
                begin = time.monotonic()
                await asyncio.sleep(TAKES_S)
                took_s = time.monotonic() - begin
            self.exposing.busy_s.inc(took_s)
            self.exposing.answer(1, duration_s=took_s)
        await super().answer(path, writer)

    def metrics(self) -> bytes:
        before, self.cpu_s = self.cpu_s, time.process_time()
        self.exposing.cpu_s.inc(self.cpu_s - before)
        return self.exposing.text().encode()


if __name__ == "__main__":
    asyncio.run(WaitingService().run())
