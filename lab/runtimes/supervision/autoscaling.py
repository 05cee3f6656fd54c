"""Scales a service of processes by what its ready replicas tell: the operator's own decision.

A tick reads, decides, tells and applies. Whatever goes wrong in one is told, and the next one comes. Ticks go on while
replicas start or end, so that nothing is missed that arrives meanwhile, but one change is under way at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from scaler.decision import Decision, Reason, decide
from scaler.demand import Observed, State
from scaler.exposition import FAMILIES, sample
from scaler.samples import Sample
from scaler.spec import Mode, Spec
from scaler.status import differs, status

from lab.errors import LabError
from lab.runtimes.supervision.logs import bound
from lab.runtimes.supervision.protocol import Document
from lab.runtimes.supervision.replicas import Phase, RunningReplica
from lab.scrape import scrape_all

EVERY_S = 5.0
ANSWER_WITHIN_S = 2.0  # a busy replica answers late; a tick still waits for it
FAILED_FOR_S = 30.0  # before replicas that did not start are tried again
GENERATION = 1  # what is asked for never changes
LOG = "autoscaler.log"


class Scaled(Protocol):
    """What is scaled: `asked` replicas shall be there; `changing` while they are being started or stopped."""

    @property
    def asked(self) -> int: ...

    @property
    def changing(self) -> bool: ...

    @property
    def replicas(self) -> Sequence[RunningReplica]: ...

    async def scale(self, replicas: int) -> None: ...


class Autoscaler:
    """`status` is that of an HTTPAutoscaler, empty before the first decision; `log` gets a line for each change."""

    def __init__(self, name: str, spec: Spec, every_s: float, service: Scaled, log: Path) -> None:
        self.spec = spec
        self.status: Document = {}
        self._name = name
        self._every_s = every_s
        self._service = service
        self._log = log
        self._state = State()
        self._failed = 0
        self._failed_until = 0.0

    async def keep(self) -> None:
        """Until cancelled; then no change goes on."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        async with asyncio.TaskGroup() as changes:
            while True:
                await self._tick(changes)
                due = max(due + self._every_s, loop.time())
                await asyncio.sleep(due - loop.time())

    async def _tick(self, changes: asyncio.TaskGroup) -> None:
        asked = self._service.asked
        try:
            samples = await self._samples()
            asked = self._service.asked
            now = asyncio.get_running_loop().time()
            decision, self._state = decide(self.spec, self._observed(samples, now), self._state, now)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            decision = Decision(asked, Reason.TICK_FAILED, f"{asked} stay: {error!r}; see supervisor.log")
        moves = self.spec.mode is Mode.ACTIVE and decision.replicas != asked
        if moves and self._service.changing:
            return  # nor is it told: nothing comes of it
        self._tell(decision, asked)
        if moves:
            changes.create_task(self._scale(decision.replicas))

    async def _samples(self) -> list[Sample]:
        urls = {replica.id: replica.metrics_url for replica in self._ready()}
        scrapes = await scrape_all(urls, ANSWER_WITHIN_S, FAMILIES)
        latency_s = self.spec.objective.latency_s
        found = (sample(scrape.replica, scrape.at_s, scrape.text, latency_s) for scrape in scrapes)
        return [one for one in found if one]

    def _observed(self, samples: Sequence[Sample], now: float) -> Observed:
        """No limit of CPU is set here, so that one replica can use a core."""
        crashed = sum(replica.phase is Phase.PAUSING for replica in self._service.replicas)
        return Observed(
            replicas=self._service.asked,
            ready=frozenset(replica.id for replica in self._ready()),
            samples=samples,
            crashing=crashed + (self._failed if now < self._failed_until else 0),
        )

    def _ready(self) -> list[RunningReplica]:
        return [replica for replica in self._service.replicas if replica.phase is Phase.READY]

    async def _scale(self, replicas: int) -> None:
        new = replicas - self._service.asked
        try:
            await self._service.scale(replicas)
        except Exception as error:
            if not isinstance(error, LabError):
                traceback.print_exc(file=sys.stderr)
            self._failed = max(0, new)  # none, where replicas were to end
            self._failed_until = asyncio.get_running_loop().time() + FAILED_FOR_S
            self._write(f"{replicas} replicas could not be run: {error}")

    def _tell(self, decision: Decision, asked: int) -> None:
        before = self.status
        self.status = status(self.spec, decision, asked, GENERATION, before, datetime.now(UTC))
        if differs(before, self.status):
            self._write(decision.sentence)

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a full disk ends no lab
            with self._log.open("a") as log:
                log.write(f"{datetime.now():%H:%M:%S}  {self._name}: {text}\n")
            bound(self._log)
