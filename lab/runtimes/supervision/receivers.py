"""Receivers of spans: a process for each store that spans are to be kept in, on the CPUs of the lab.

Services outlive a receiver that ends, and their requests don't notice. It is not started again by itself, since what is
wrong with it, a full disk say, would be wrong again; whoever asks for its store again starts it again.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.core.pinning import Pinning
from lab.errors import RuntimeFailure
from lab.runtimes.supervision import ports
from lab.runtimes.supervision.children import Child, Children, Command
from lab.runtimes.supervision.plans import clean
from lab.runtimes.supervision.ports import HOST, Port
from lab.runtimes.supervision.probe import until_ok
from lab.runtimes.supervision.protocol import Document

READY_WITHIN_S = 10.0


@dataclass(slots=True)
class _Receiver:
    name: str
    port: Port
    child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port.number}"


class Receivers:
    """By the path of their store. A receiver that is started again has the port that it had."""

    def __init__(self, children: Children, numbers: Sequence[int], logs: Path, pinning: Pinning) -> None:
        """`numbers` are the ports to choose from."""
        self._children = children
        self._ports = numbers
        self._logs = logs
        self._pinning = pinning
        self._names = (f"receiver-{number}" for number in itertools.count(1))
        self._receivers: dict[Path, _Receiver] = {}
        self._lock = asyncio.Lock()

    @property
    def names(self) -> list[str]:
        return [receiver.name for receiver in self._receivers.values()]

    async def receive(self, store: Path) -> str:
        """The base URL of the receiver for `store`; RuntimeFailure, with the end of its log, when it does not start."""
        async with self._lock:
            receiver = self._receivers.get(store)
            if receiver is None:
                receiver = _Receiver(next(self._names), ports.hold_one(self._ports, shared=False))
                self._receivers[store] = receiver
            if receiver.child is None or receiver.child.ended:
                try:
                    await self._start(receiver, store)
                except BaseException:
                    await self._end(store)
                    raise
            return receiver.url

    async def stop(self, store: Path) -> None:
        """Ends the receiver for `store`, if there is one."""
        async with self._lock:
            if store in self._receivers:
                await self._end(store)

    def describe(self) -> list[Document]:
        return [
            {
                "name": receiver.name,
                "pid": receiver.child.identity.pid,
                "alive": not receiver.child.ended,
                "url": receiver.url,
                "store": str(store),
            }
            for store, receiver in self._receivers.items()
            if receiver.child
        ]

    async def _start(self, receiver: _Receiver, store: Path) -> None:
        options = ["--store", str(store), "--port", str(receiver.port.number)]
        command = Command(
            name=receiver.name,
            argv=[sys.executable, "-m", "lab.telemetry", *options],
            folder=self._logs,
            environment=clean(os.environ),
            log=self._logs / f"{receiver.name}.log",
            cpus=self._pinning.lab,
        )
        receiver.child = child = self._children.start(command)
        ready = asyncio.create_task(until_ok(receiver.port.number, "/readyz"))
        end = asyncio.create_task(child.wait())
        try:
            await asyncio.wait({ready, end}, timeout=READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
            child.require_alive()
            if not ready.done():
                text = f"{receiver.name} was not ready after {READY_WITHIN_S:g} s\n{child.last_lines()}"
                raise RuntimeFailure(text.rstrip())
        finally:
            ready.cancel()
            end.cancel()

    async def _end(self, store: Path) -> None:
        receiver = self._receivers.pop(store)
        if receiver.child:
            await receiver.child.stop()
        receiver.port.release()
