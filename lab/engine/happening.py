"""What happens to a service while it is under load: in a thread of its own, because both take their time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from lab.core.measurement import Measurement

Step = Callable[[], object]


def in_thread(step: Step) -> Callable[[], None]:
    """Runs it; what waits for its end. An interrupted run does not wait."""
    thread = threading.Thread(target=step, daemon=True)
    thread.start()
    return thread.join


@dataclass(frozen=True, slots=True)
class Pace:
    """How time passes, and what happens at the same time."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    spawn: Callable[[Step], Callable[[], None]] = in_thread


class Happening:
    """`step`, so many seconds after a load's first tick. When the load is `over` it is known when that began."""

    def __init__(self, step: Step, at_s: float, pace: Pace) -> None:
        self._step = step
        self._at_s = at_s
        self._pace = pace
        self._ticked_at: float | None = None
        self._load_began_at = 0.0
        self._began_at: float | None = None
        self._ended_at = 0.0
        self._error: BaseException | None = None
        self._wait: Callable[[], None] = lambda: None

    def tick(self) -> None:
        now = self._pace.clock()
        self._ticked_at = now if self._ticked_at is None else self._ticked_at
        if self._began_at is None and now - self._ticked_at >= self._at_s:
            self._began_at = now
            self._wait = self._pace.spawn(self._run)

    def over(self, measurement: Measurement) -> None:
        """The load has ended just now. A tick may come before its first request, when its workers are told to begin."""
        self._load_began_at = self._pace.clock() - measurement.duration_s

    def wait(self) -> None:
        """Returns when it has ended, if it began."""
        self._wait()

    def times(self) -> tuple[float, float] | None:
        """When it began and ended, in seconds from the load's begin; None if it did not begin. Both are over by now.

        Raises what went wrong in it.
        """
        if self._error:
            raise self._error
        if self._began_at is None:
            return None
        return self._began_at - self._load_began_at, self._ended_at - self._load_began_at

    def _run(self) -> None:
        try:
            self._step()
        except BaseException as error:  # raised where it is waited for
            self._error = error
        self._ended_at = self._pace.clock()
