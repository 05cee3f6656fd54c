"""Keeps what the replicas of one trial expose at its begin and at its end, and what that says of lost spans."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from lab.core.conventions import SPANS_EXPORTED, SPANS_PROCESSED, Label
from lab.core.exposition import Scrape, parse, total
from lab.errors import RuntimeFailure
from lab.ports import Runtime

COUNTERS = (SPANS_PROCESSED, SPANS_EXPORTED)


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
    def lost_spans(self) -> int:
        """Spans that were dropped, or could not be sent, between the first and the last look at each replica."""
        return sum(
            _lost(looks[0].text, looks[-1].text)
            for scrapes in self.scrapes.values()
            for replica in {scrape.replica for scrape in scrapes}
            if len(looks := [scrape for scrape in scrapes if scrape.replica == replica]) > 1
        )


def _lost(first: str, last: str) -> int:
    if SPANS_PROCESSED.name not in last:  # it does not trace
        return 0
    grown = parse(last).grown(parse(first))
    failed = [total(grown, metric.name, lambda series: bool(series.label(Label.ERROR))) for metric in COUNTERS]
    return round(sum(count or 0.0 for count in failed))
