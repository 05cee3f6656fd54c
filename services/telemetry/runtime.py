"""What explains a slow service: pauses of the garbage collector, an event loop that lags, threads that are busy."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telemetry.metrics import Metrics

LOOP_CHECKED_EVERY_S = 0.1


def watch_collector(metrics: Metrics) -> None:
    """Pauses of the garbage collector, which stops every thread."""
    histogram = metrics.collector_pauses()
    pauses = [histogram.labels(generation) for generation in range(len(gc.get_count()))]
    begin = 0.0

    def paused(phase: str, found: dict[str, Any]) -> None:
        nonlocal begin
        if phase == "start":
            begin = time.perf_counter()
        else:
            pauses[found["generation"]].observe(time.perf_counter() - begin)

    gc.callbacks.append(paused)


def watch_loop(metrics: Metrics, loop: asyncio.AbstractEventLoop) -> None:
    """How late the running loop is: what a timer that is due waits for."""
    lag = metrics.loop_lag()

    def check(due: float) -> None:
        now = loop.time()
        lag.observe(max(0.0, now - due))
        schedule(now)

    def schedule(now: float) -> None:
        due = now + LOOP_CHECKED_EVERY_S
        loop.call_at(due, check, due)

    schedule(loop.time())


def thread_cpu_s() -> Callable[[], float]:
    """The CPU seconds of the thread that asks now, to be read from any other."""
    if not hasattr(time, "pthread_getcpuclockid"):  # macOS: all threads, nearly all of which is the loop's
        return time.process_time
    clock = time.pthread_getcpuclockid(threading.get_ident())
    return lambda: time.clock_gettime(clock)


class Busy:
    """How long threads were busy, together. Safe to use from any of them."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._threads = 0
        self._seconds = 0.0  # less the begin of each that is busy now

    def begin(self) -> float:
        """The time at which one more is busy."""
        now = self._clock()
        with self._lock:
            self._threads += 1
            self._seconds -= now
        return now

    def end(self) -> None:
        now = self._clock()
        with self._lock:
            self._threads -= 1
            self._seconds += now

    def seconds(self) -> float:
        """Those that are busy now are counted up to now."""
        now = self._clock()
        with self._lock:
            return self._seconds + self._threads * now
