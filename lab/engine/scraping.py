"""Keeps what the replicas of one trial expose at its begin and at its end: requests that they took, spans they lost."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from lab.core.conventions import DURATION, SPANS_EXPORTED, SPANS_PROCESSED, Label
from lab.core.exposition import Scrape, Values, parse, total
from lab.errors import RuntimeFailure
from lab.ports import Runtime

COUNTERS = (SPANS_PROCESSED, SPANS_EXPORTED)
REQUESTS = f"{DURATION.name}_count"


class Scraping:
    """Begins when it is made. Times in `scrapes`, by service, count from then."""

    def __init__(self, runtime: Runtime, services: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self.scrapes: dict[str, list[Scrape]] = {}
        self._runtime = runtime
        self._services = services
        self._begin = clock()
        self.take()

    def take(self) -> None:
        for service in self._services:
            with contextlib.suppress(RuntimeFailure):  # a trial is not about its metrics
                for scrape in self._runtime.metrics(service):
                    of_trial = replace(scrape, at_s=scrape.at_s - self._begin)
                    self.scrapes.setdefault(service, []).append(of_trial)

    @property
    def requests(self) -> dict[str, int]:
        """How many each replica answered between the first and the last look at it, whoever asked."""
        return {
            replica: round(total(_grown(first, last), REQUESTS) or 0.0)
            for replica, (first, last) in self._looks().items()
            if REQUESTS in last
        }

    @property
    def lost_spans(self) -> int:
        """Spans that were dropped, or could not be sent, between the first and the last look at each replica."""
        return sum(_lost(first, last) for first, last in self._looks().values())

    def _looks(self) -> dict[str, tuple[str, str]]:
        """The first and the last of each replica that was looked at twice."""
        seen: dict[str, list[str]] = {}
        for scrape in (scrape for scrapes in self.scrapes.values() for scrape in scrapes):
            seen.setdefault(scrape.replica, []).append(scrape.text)
        return {replica: (texts[0], texts[-1]) for replica, texts in seen.items() if len(texts) > 1}


def _grown(first: str, last: str) -> Values:
    return parse(last).grown(parse(first))


def _lost(first: str, last: str) -> int:
    if SPANS_PROCESSED.name not in last:  # it does not trace
        return 0
    grown = _grown(first, last)
    failed = [total(grown, metric.name, lambda series: bool(series.label(Label.ERROR))) for metric in COUNTERS]
    return round(sum(count or 0.0 for count in failed))
