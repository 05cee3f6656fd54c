"""Wakes an event loop at an exact time: loops round their timers to a millisecond, of which a small answer takes half.

Linux's timerfd wakes within about 0.1 ms; elsewhere the loop's own timer has to do, and the schedule lag shows it.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import time
from collections.abc import Callable
from typing import Protocol

_NONBLOCK_CLOEXEC = 0o2004000
_ABSOLUTE = 1


class Alarm(Protocol):
    def set(self, at: float) -> None:
        """Wakes once at `at` (of time.monotonic()), instead of any time set before."""
        ...

    def close(self) -> None: ...


def alarm(loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> Alarm:
    """The most exact alarm of this system; it calls `wake` from the loop."""
    return _TimerFd(loop, wake) if sys.platform == "linux" else _LoopTimer(loop, wake)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class _TimerFd:
    def __init__(self, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._settime = libc.timerfd_settime
        self._fd: int = libc.timerfd_create(time.CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._spec = _Itimerspec()
        self._reference = ctypes.byref(self._spec)
        self._loop = loop
        self._wake = wake
        loop.add_reader(self._fd, self._fired)

    def set(self, at: float) -> None:
        seconds = int(at)
        self._spec.value.seconds = seconds
        self._spec.value.nanoseconds = int((at - seconds) * 1e9) or 1
        self._settime(self._fd, _ABSOLUTE, self._reference, None)  # also forgets an expiry that was not read

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _fired(self) -> None:
        os.read(self._fd, 8)
        self._wake()


class _LoopTimer:
    def __init__(self, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
        self._loop = loop
        self._wake = wake
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at: float) -> None:
        self.close()
        self._handle = self._loop.call_later(at - time.monotonic(), self._wake)

    def close(self) -> None:
        if self._handle:
            self._handle.cancel()
