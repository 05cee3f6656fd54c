"""The parent of everything that a lab runs: opens the lab, answers requests, and leaves nothing behind.

OPENING (directories, state file, control socket) → SERVING (PostgreSQL and Valkey start meanwhile) → CLOSING, on a
signal, at the end of standard input, or by a fault of its own: no more requests, no more restarts, every child ended,
and then the directories and the state file removed.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.core.pinning import Pinning
from lab.errors import InputError, RuntimeFailure
from lab.runtimes.supervision import place, processes, state
from lab.runtimes.supervision.children import Children
from lab.runtimes.supervision.control import Control
from lab.runtimes.supervision.logs import bound
from lab.runtimes.supervision.place import Place, Servant
from lab.runtimes.supervision.protocol import Document
from lab.runtimes.supervision.receivers import Receivers
from lab.runtimes.supervision.requests import Requests
from lab.runtimes.supervision.servers import POSTGRES, VALKEY, Servers
from lab.runtimes.supervision.services import Services, Surroundings

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
TOKEN_KEY_BYTES = 48
LOGS_EVERY_S = 2.0
DEFAULT_PORTS = "21000-21999"  # below what systems give to outgoing connections


class _Closing(Exception):
    """Raised in the supervisor's own body to end all its tasks."""


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One supervisor per lab: RuntimeFailure when there is one. The lock ends with the process, however it ends."""
    with Place(directory, directory).lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeFailure(
                f"another command has opened the lab in {directory}: see lab status, or set LAB_DIR to another one"
            ) from None
        yield


class Supervisor:
    """Of the lab at `place`, whose servers run as `servant` (None: as ourselves)."""

    def __init__(self, place: Place, servant: Servant | None, pinning: Pinning) -> None:
        self._place = place
        self._servant = servant
        self._pinning = pinning
        self._identity = processes.identify("supervisor", os.getpid())
        self._children = Children(self._record)
        self._servers = Servers(place, servant, self._children, pinning)

    async def run(self, report: Callable[[Document], None]) -> None:
        """Returns when everything is ended and removed. `report` is called when requests can be made."""
        ports = port_range(os.environ.get("LAB_PORTS") or DEFAULT_PORTS)
        closing = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in ENDING:
            loop.add_signal_handler(number, closing.set)
        loop.add_reader(sys.stdin.fileno(), _close_at_end_of_input, closing)
        self._open()
        receivers = Receivers(self._children, ports, self._place.logs, self._pinning)
        servers_ready = asyncio.create_task(self._servers.start())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._bound_logs())
                around = Surroundings(self._children, tasks, self._place.logs, ports, self._pinning.replicas)
                requests = Requests(
                    self._place,
                    self._pinning,
                    self._children,
                    self._servers,
                    servers_ready,
                    Services(around),
                    receivers,
                    self._detach,
                )
                control = Control(requests.answer)
                try:
                    await control.open(self._place.control)
                    report({"result": {}})
                    await closing.wait()
                finally:
                    await control.close()
                raise _Closing
        except* _Closing:
            pass
        finally:
            servers_ready.cancel()
            await asyncio.wait({servers_ready})
            await self._children.stop_all(last=(POSTGRES, VALKEY, *receivers.names))
            place.discard(self._place)

    def _detach(self) -> None:
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())

    def _open(self) -> None:
        previous = state.read(self._place.lab)
        if previous:
            if left := previous.living():
                raise RuntimeFailure(killed_text(self._place.lab, len(left)))
            place.discard(previous.place)
        place.prepare(self._place, self._servant)
        descriptor = os.open(self._place.token_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(TOKEN_KEY_BYTES))
        self._record()

    def _record(self) -> None:
        state.write(state.State(self._identity, self._place, self._children.identities))

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(LOGS_EVERY_S)
            for log in self._children.logs:
                bound(log)


def killed_text(directory: Path, left: int) -> str:
    count = "1 process that it started is" if left == 1 else f"{left} processes that it started are"
    return f"the supervisor of the lab in {directory} was killed; {count} still running. End them: lab down"


def port_range(text: str) -> range:
    """`LAB_PORTS`; raises InputError."""
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 0 < int(first) <= int(last) < 65536):
        raise InputError("LAB_PORTS", [f"{text!r} is not a range of ports; for example LAB_PORTS={DEFAULT_PORTS}"])
    return range(int(first), int(last) + 1)


def _close_at_end_of_input(closing: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        closing.set()
