"""Which cores this system has and lets us choose; Linux only, elsewhere nothing can be pinned."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"


def usable_cores() -> list[list[int]]:
    """The CPUs of each physical core that this process may run on; none when it cannot choose among them."""
    if sys.platform != "linux":
        return []
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, allowed)
    except OSError:  # forbidden, as in some sandboxes
        return []
    cores: dict[str, list[int]] = {}
    for cpu in sorted(allowed):
        cores.setdefault(_siblings(cpu), []).append(cpu)
    return list(cores.values())


def _siblings(cpu: int) -> str:
    """What threads of one core have in common; a CPU is a core of its own where the system does not say."""
    try:
        return Path(TOPOLOGY.format(cpu)).read_text()
    except OSError:
        return str(cpu)


@contextmanager
def running_on(cpus: Sequence[int]) -> Iterator[None]:
    """This thread, and the processes that it starts meanwhile, run on `cpus`; anywhere as before when empty."""
    if not cpus or sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def keep_to(cpus: Sequence[int]) -> None:
    """Every thread of this process, and those that it starts from now on, run on `cpus`; no change when empty."""
    if not cpus or sys.platform != "linux":
        return
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), cpus)
