"""Keeps what the replicas of one trial expose: at its begin, every few seconds, and at its end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from lab.core.exposition import Scrape
from lab.errors import RuntimeFailure
from lab.ports import Runtime

EVERY_S = 5.0


class Scraping:
    """Begins when it is made. Times in `scrapes`, by service, count from then."""

    def __init__(self, runtime: Runtime, services: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self.scrapes: dict[str, list[Scrape]] = {}
        self._runtime = runtime
        self._services = services
        self._clock = clock
        self._begin = clock()
        self.take()

    def take_if_due(self) -> None:
        if self._clock() >= self._due:
            self.take()

    def take(self) -> None:
        self._due = self._clock() + EVERY_S
        for service in self._services:
            with contextlib.suppress(RuntimeFailure):  # a trial is not about its metrics
                for scrape in self._runtime.metrics(service):
                    of_trial = replace(scrape, at_s=scrape.at_s - self._begin)
                    self.scrapes.setdefault(service, []).append(of_trial)
