"""PostgreSQL and Valkey as a lab runs them: Unix sockets only, data that is thrown away when the lab ends.

PostgreSQL does not wait for the disk: crash safety has no worth for data that is thrown away, and the disk's latency,
shared with whatever else the machine does, would blur what the services differ in.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from lab.core.pinning import Pinning
from lab.errors import CommandFailed, RuntimeFailure
from lab.runtimes.supervision import binaries
from lab.runtimes.supervision.binaries import Binaries
from lab.runtimes.supervision.children import Child, Children, Command
from lab.runtimes.supervision.place import Place, Servant
from lab.runtimes.supervision.protocol import Document
from lab.runtimes.supervision.together import together

POSTGRES = "postgresql"
VALKEY = "valkey"
USER = "lab"
MAX_CONNECTIONS = 200
LAB_CONNECTIONS = 20  # three that PostgreSQL keeps for superusers; migrations, seeding and clones of some variants
READY_WITHIN_S = 30.0
INTERVAL_S = 0.02

SETTINGS = {
    "listen_addresses": "",
    "max_connections": str(MAX_CONNECTIONS),
    "shared_buffers": "128MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "log_checkpoints": "off",
}
LIMITS = "PostgreSQL does not wait for the disk (fsync and synchronous_commit off): its data ends with the lab"


def database_url(sockets: Path, name: str) -> str:
    return f"postgresql://{USER}@/{quote(name, safe='')}?host={quote(str(sockets))}"


def cache_url(sockets: Path) -> str:
    return f"unix://{quote(str(sockets / 'valkey.sock'))}"


class Servers:
    """Both, from their start to their end with the supervisor's other children."""

    def __init__(self, place: Place, servant: Servant | None, children: Children, pinning: Pinning) -> None:
        self.versions: dict[str, str] = {}
        self._place = place
        self._servant = servant
        self._children = children
        self._pinning = pinning
        self._running: list[Child] = []

    async def start(self) -> None:
        """Returns when both answer; RuntimeFailure with the last lines of the log of one that does not."""
        programs = binaries.locate()
        if self._servant:
            programs = binaries.copied(programs, self._place.binaries)
        await together(self._start_postgres(programs), self._start_valkey(programs))
        postgresql, valkey = await together(
            self._output("postgresql-version", [str(programs.postgres), "--version"]),
            self._output("valkey-version", [str(programs.valkey), "--version"]),
        )
        self.versions = {
            POSTGRES: postgresql.split()[2],  # postgres (PostgreSQL) 18.4
            VALKEY: valkey.split()[2].removeprefix("v="),  # Valkey server v=9.1.2 ...
        }

    def require_alive(self) -> None:
        """Raises CommandFailed when one has ended since it was ready."""
        for server in self._running:
            server.require_alive()

    def describe(self) -> list[Document]:
        urls = {POSTGRES: database_url(self._place.sockets, "postgres"), VALKEY: cache_url(self._place.sockets)}
        return [
            {
                "name": server.command.name,
                "version": self.versions.get(server.command.name, ""),
                "pid": server.identity.pid,
                "alive": not server.ended,
                "url": urls[server.command.name],
            }
            for server in self._running
        ]

    async def _start_postgres(self, programs: Binaries) -> None:
        data = str(self._place.data)
        options = ["--no-locale", "--encoding=utf8", "--no-sync", "--no-instructions", "--auth=trust"]
        await self._output("initdb", [str(programs.initdb), "-D", data, "-U", USER, *options])
        settings = {**SETTINGS, "unix_socket_directories": str(self._place.sockets)}
        argv = [str(programs.postgres), "-D", data, *(f"--{name}={value}" for name, value in settings.items())]
        # SIGQUIT: at once, clients or not; a checkpoint would be for data that nobody reads again.
        await self._serve(self._command(POSTGRES, argv, ends_by=signal.SIGQUIT), self._postgres_is_ready)

    async def _postgres_is_ready(self) -> bool:
        """The eighth line of its pid file says so, which spares the attempts to connect."""
        try:
            lines = (self._place.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    async def _start_valkey(self, programs: Binaries) -> None:
        socket = str(self._place.sockets / "valkey.sock")
        options = {"port": "0", "unixsocket": socket, "save": "", "appendonly": "no", "dir": str(self._place.sockets)}
        argv = [str(programs.valkey), *(part for name, value in options.items() for part in (f"--{name}", value))]
        await self._serve(self._command(VALKEY, argv), self._valkey_is_ready)

    async def _valkey_is_ready(self) -> bool:
        try:
            reader, writer = await asyncio.open_unix_connection(self._place.sockets / "valkey.sock")
        except OSError:
            return False
        writer.write(b"PING\r\n")
        answer = await reader.readline()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return answer == b"+PONG\r\n"

    async def _serve(self, command: Command, is_ready: Callable[[], Awaitable[bool]]) -> None:
        server = self._children.start(command)
        self._running.append(server)
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                while not await is_ready():
                    server.require_alive()
                    await asyncio.sleep(INTERVAL_S)
        except TimeoutError:
            text = f"{command.name} was not ready after {READY_WITHIN_S:g} s\n{server.last_lines()}"
            raise RuntimeFailure(text) from None

    async def _output(self, name: str, argv: Sequence[str]) -> str:
        """What a command printed that ended well."""
        child = self._children.start(replace(self._command(name, argv), cpus=self._pinning.all))
        exit_code = await child.wait()
        if exit_code:
            raise CommandFailed(child.command.paste(), exit_code, child.last_lines())
        return child.last_lines()

    def _command(self, name: str, argv: Sequence[str], ends_by: int = signal.SIGTERM) -> Command:
        return Command(
            name=name,
            argv=argv,
            folder=self._place.sockets,
            environment={"PATH": "/usr/bin:/bin", "LANG": "C", "TZ": "UTC"},
            log=self._place.logs / f"{name}.log",
            servant=self._servant,
            ends_by=ends_by,
        )
