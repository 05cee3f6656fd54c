"""Receives traces as a service sends them, beside a check that goes on. What cannot be taken is a problem."""

from __future__ import annotations

import asyncio
import threading
from typing import Self

import uvloop

from lab.core.trace import Span
from lab.telemetry import otlp
from lab.telemetry.receiver import bound, receiving


class Receiver:
    """Listens at `host:port` once it is made, at a port of its own choice where that is 0; OSError where it cannot.

    Only its own thread adds to what was received, and always at once, so that others may read meanwhile.
    """

    def __init__(self, host: str, port: int = 0) -> None:
        self._listener = bound(host, port)
        self._ending = asyncio.Event()
        self._loop = uvloop.new_event_loop()
        self._spans: list[Span] = []
        self.problems: set[str] = set()
        self.url = f"http://{host}:{self._listener.getsockname()[1]}"

    def spans(self) -> list[Span]:
        """All that were received so far."""
        return list(self._spans)

    def trace(self, trace_id: str) -> list[Span]:
        return [span for span in self.spans() if span.trace_id == trace_id]

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="receiver", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._receive())

    async def _receive(self) -> None:
        async with receiving(self._listener, self._take, self.problems.add):
            await self._ending.wait()

    def _take(self, message: bytes) -> int:
        _, refused = otlp.parts(message)
        self._spans += list(otlp.spans(message))
        return refused
