"""Which processes are ours: by pid and start time, so that a pid given to someone else is never taken for one."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL_S = 0.02
# Linux; where the system does not list them, every process has to be asked for its parent, some ms each time.
CHILDREN_ARE_LISTED = Path(f"/proc/self/task/{os.getpid()}/children").exists()
START_FIELD = 19  # of those that follow the name in Linux' /proc/PID/stat: ticks from boot until the start


@dataclass(frozen=True, slots=True)
class Identity:
    """A process, and the one signal that asks it to end. `started` is of a clock that nobody sets, if there is one."""

    name: str
    pid: int
    started: float
    ends_by: int = signal.SIGTERM


def identify(name: str, pid: int, ends_by: int = signal.SIGTERM) -> Identity:
    """Of a child that has not been waited for, or of ourselves."""
    return Identity(name, pid, _started(psutil.Process(pid)), ends_by)


def find(identity: Identity) -> psutil.Process | None:
    """The process while it lives; a zombie has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(identity.pid)
        if _started(process) == identity.started and lives(process):
            return process
    return None


def _started(process: psutil.Process) -> float:
    """In ticks since boot on Linux, where Unix seconds would change with every correction of the clock."""
    if not CHILDREN_ARE_LISTED:
        return process.create_time()
    try:
        return float(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[START_FIELD])
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(process.pid) from None


def lives(process: psutil.Process) -> bool:
    """Whether it runs; a zombie has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def tree(identity: Identity) -> list[psutil.Process]:
    """The process and its descendants, zombies left out; empty when it has ended."""
    root = find(identity)
    found = [root] if root else []
    for process in found:  # grows on the way
        found += [child for child in _children(process) if lives(child)]
    return found


def _children(process: psutil.Process) -> list[psutil.Process]:
    children = []
    with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        if not CHILDREN_ARE_LISTED:
            return process.children()
        for task in Path(f"/proc/{process.pid}/task").iterdir():
            for pid in (task / "children").read_text().split():
                with contextlib.suppress(psutil.NoSuchProcess):
                    children.append(psutil.Process(int(pid)))
    return children


def session(identity: Identity) -> list[psutil.Process]:
    """Every living process of the session that this one leads or led, itself included."""
    if not find(identity) and psutil.pid_exists(identity.pid) and not _is_zombie(identity.pid):
        return []  # its pid is someone else's now, and so would be the session
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            newer = _started(process) >= identity.started
            if newer and os.getsid(process.pid) == identity.pid and lives(process):
                members.append(process)
    return members


def end(identities: Sequence[Identity], patience_s: float) -> None:
    """Ends processes that are not our children, with all that they started: asks, waits, then kills."""
    processes: set[psutil.Process] = set()
    for identity in identities:
        processes.update(tree(identity), session(identity))
        ask(identity)
    left = wait(processes, patience_s)
    kill(left)
    wait(left, patience_s)


def ask(identity: Identity) -> None:
    """Asks it to end, if it lives."""
    if process := find(identity):
        _send(process, identity.ends_by)


def wait(processes: Iterable[psutil.Process], patience_s: float) -> list[psutil.Process]:
    """Those that still live after `patience_s`. They need not be our children: nobody may be there to reap them."""
    give_up = time.monotonic() + patience_s
    while (left := [process for process in processes if lives(process)]) and time.monotonic() < give_up:
        time.sleep(INTERVAL_S)
    return left


def kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        _send(process, signal.SIGKILL)


def _send(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _is_zombie(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True
