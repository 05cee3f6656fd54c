"""Processes of the supervisor: each leads a session of its own, is on record before it is awaited, and is ended.

A child that ends takes its process group with it, so that no worker outlives its server's parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import CommandFailed, RuntimeFailure
from lab.runtimes.supervision import processes
from lab.runtimes.supervision.affinity import running_on
from lab.runtimes.supervision.logs import last_lines
from lab.runtimes.supervision.place import Servant
from lab.runtimes.supervision.processes import Identity

PATIENCE_S = 12.0  # a replica has 10 s to end by the contract


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. Output is appended to `log`; without `cpus` it runs anywhere, without `servant` as ourselves."""

    name: str
    argv: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    log: Path
    cpus: Sequence[int] = ()
    servant: Servant | None = None
    ends_by: int = signal.SIGTERM

    def paste(self) -> list[str]:
        """Arguments that start the same by hand."""
        return [
            "env",
            "-C",
            str(self.folder),
            *(f"{key}={value}" for key, value in self.environment.items()),
            *self.argv,
        ]


class Child:
    """A process that was started. `started` is of the loop's clock."""

    def __init__(self, command: Command, pid: int, started: float) -> None:
        self.command = command
        self.started = started
        self.identity = processes.identify(command.name, pid, command.ends_by)
        self._exit_code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def ended(self) -> bool:
        return self._exit_code.done()

    def require_alive(self) -> None:
        """Raises CommandFailed, with the end of its log, when it has ended."""
        if self._exit_code.done():
            raise CommandFailed(self.command.paste(), self._exit_code.result(), self.last_lines())

    async def wait(self) -> int:
        """The exit code; a signal's number, negative, when that ended it."""
        return await asyncio.shield(self._exit_code)

    async def stop(self, patience_s: float = PATIENCE_S) -> None:
        """Asks it to end; kills it, and whatever it started that is left, when it has not after `patience_s`."""
        if self.ended:
            return
        whole_tree = processes.tree(self.identity)
        processes.ask(self.identity)
        try:
            await asyncio.wait_for(self.wait(), patience_s)
        except TimeoutError:
            processes.kill(whole_tree)
            await self.wait()
        processes.kill(whole_tree)

    def last_lines(self) -> str:
        return last_lines(self.command.log)

    def note_end(self, exit_code: int) -> None:
        self._exit_code.set_result(exit_code)


class Children:
    """All processes that run; `changed` is called whenever that is another set, before anything else happens."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._children: dict[int, Child] = {}

    @property
    def identities(self) -> tuple[Identity, ...]:
        return tuple(child.identity for child in self._children.values())

    @property
    def logs(self) -> tuple[Path, ...]:
        return tuple(child.command.log for child in self._children.values())

    def start(self, command: Command) -> Child:
        """Raises RuntimeFailure when the system cannot run it."""
        loop = asyncio.get_running_loop()
        servant = command.servant
        with command.log.open("ab") as log, running_on(command.cpus):
            started = loop.time()
            try:
                process = subprocess.Popen(
                    command.argv,
                    cwd=command.folder,
                    env=command.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    user=servant.uid if servant else None,
                    group=servant.gid if servant else None,
                    extra_groups=[] if servant else None,
                )
            except OSError as error:
                raise RuntimeFailure(f"cannot run {shlex.join(command.paste())}: {error}") from error
        child = Child(command, process.pid, started)
        self._children[process.pid] = child
        self._changed()

        def watch() -> None:
            loop.call_soon_threadsafe(self._note_end, child, _wait(process))

        threading.Thread(target=watch, name=command.name, daemon=True).start()
        return child

    async def stop_all(self, last: Collection[str]) -> None:
        """Ends every process; those named in `last` when nothing else runs that could need them."""
        for group in (
            [child for child in self._children.values() if child.command.name not in last],
            list(self._children.values()),
        ):
            await asyncio.gather(*(child.stop() for child in group))

    def _note_end(self, child: Child, exit_code: int) -> None:
        del self._children[child.identity.pid]
        self._changed()
        child.note_end(exit_code)


def _wait(process: subprocess.Popen[bytes]) -> int:
    """The exit code, once the process and its group have ended. Nobody else may use `process`: its other methods wait
    for it as well, and whoever comes second learns nothing.
    """
    if hasattr(os, "waitid"):  # the group cannot be someone else's while its leader is not waited for
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:
        process.wait()
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody left; on macOS: zombies only
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()
