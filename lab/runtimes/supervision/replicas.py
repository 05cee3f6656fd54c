"""One replica: its process from start over ready to its end, started again when it crashes."""

from __future__ import annotations

import asyncio
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from enum import StrEnum

import psutil

from lab.core.deployment import Replica, Usage
from lab.errors import RuntimeFailure
from lab.runtimes.supervision import processes
from lab.runtimes.supervision.children import Child, Children, Command
from lab.runtimes.supervision.clients import by_process
from lab.runtimes.supervision.ports import HOST, Port
from lab.runtimes.supervision.probe import until_ok

READY_WITHIN_S = 30.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


class Phase(StrEnum):
    """STARTING → READY → PAUSING (crashed) → STARTING → ...; ENDED from anywhere, when asked to stop."""

    STARTING = "starting"
    READY = "ready"
    PAUSING = "restarting"
    ENDED = "ended"


class RunningReplica:
    """`alone` says whether no other replica could answer on the service's port."""

    def __init__(
        self, command: Command, port: int, metrics_port: Port, children: Children, alone: Callable[[], bool]
    ) -> None:
        self.phase = Phase.STARTING
        self.restarts = 0
        self._command = command
        self._port = port
        self._metrics_port = metrics_port
        self._children = children
        self._alone = alone
        self._child: Child | None = None
        self._ready_s = 0.0
        self._first_answer_s = 0.0

    @property
    def id(self) -> str:
        return self._command.name

    @property
    def metrics_url(self) -> str:
        return f"http://{HOST}:{self._metrics_port.number}"

    async def start(self) -> None:
        """Returns when it is ready and has answered; RuntimeFailure when it ended instead, or took too long."""
        self.phase = Phase.STARTING
        self._child = child = self._children.start(self._command)
        answer = asyncio.create_task(self._answer(child))
        end = asyncio.create_task(child.wait())
        try:
            await asyncio.wait({answer, end}, timeout=READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
            child.require_alive()
            if not answer.done():
                started_as = shlex.join(self._command.paste())
                raise RuntimeFailure(
                    f"{self.id} was not ready after {READY_WITHIN_S:g} s: {started_as}\n{child.last_lines()}".rstrip()
                )
            answer.result()
        finally:
            answer.cancel()
            end.cancel()
        self.phase = Phase.READY

    async def keep(self) -> None:
        """Starts it again whenever it ends, until cancelled; longer pauses while it fails to start."""
        pause_s = FIRST_PAUSE_S
        while self._child:
            await self._child.wait()
            self.phase = Phase.PAUSING
            self.restarts += 1
            await asyncio.sleep(pause_s)
            try:
                await self.start()
                pause_s = FIRST_PAUSE_S
            except RuntimeFailure:  # its log says why, and status how often
                await self._child.stop()
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def stop(self) -> None:
        self.phase = Phase.ENDED
        if self._child:
            await self._child.stop()
        self._metrics_port.release()

    def kill(self) -> None:
        """Ends it as a crash does: at once, with all that it started. It is kept up, so it comes back."""
        processes.kill(self._processes())

    def describe(self) -> Replica:
        return Replica(
            id=self.id,
            metrics_url=self.metrics_url,
            pids=self.pids,
            ready_s=self._ready_s,
            first_answer_s=self._first_answer_s,
            restarts=self.restarts,
        )

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(process.pid for process in self._processes())

    def usage(self, clients: Mapping[int, frozenset[int]]) -> Usage:
        """Of its process tree, children that it has waited for included. Memory is the proportional set size on
        Linux, where pages shared by parent and worker count once, elsewhere the resident one. `clients` are those of
        each process.
        """
        cpu_s, memory_bytes, pids = 0.0, 0, []
        for process in self._processes():
            try:
                own_cpu_s = _cpu_s(process)
                memory_bytes += _memory_bytes(process)
            except (psutil.NoSuchProcess, OSError):  # ended meanwhile
                continue
            cpu_s += own_cpu_s
            pids.append(process.pid)
        own = frozenset[int]().union(*(clients.get(pid, ()) for pid in pids))
        return Usage(self.id, tuple(pids), cpu_s, memory_bytes, own, self.phase is Phase.READY)

    async def _answer(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        await until_ok(self._metrics_port.number, "/readyz")
        self._ready_s = loop.time() - child.started
        await until_ok(self._port, "/ping", lambda client: self._alone() or self._serves(client))
        self._first_answer_s = loop.time() - child.started

    def _serves(self, client: int) -> bool:
        """Whether the connection of that client's port is with this replica, not with one that shares the port."""
        return any(client in ports for ports in by_process(self._port, self.pids).values())

    def _processes(self) -> list[psutil.Process]:
        return processes.tree(self._child.identity) if self._child else []


def _cpu_s(process: psutil.Process) -> float:
    """To the nanosecond on Linux, where a process has a clock of its CPU time that others may read; else to a tick."""
    times = process.cpu_times()
    own = times.user + times.system
    if sys.platform == "linux":
        own = time.clock_gettime(~process.pid << 3 | 2)  # as clock_getcpuclockid(3) makes it
    return own + float(times.children_user + times.children_system)


def _memory_bytes(process: psutil.Process) -> int:
    return int(process.memory_full_info().pss if sys.platform == "linux" else process.memory_info().rss)
