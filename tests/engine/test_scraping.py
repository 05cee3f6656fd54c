"""What is kept of the metrics of a trial's replicas, and what they say of lost spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from lab.core.conventions import SPANS_EXPORTED, SPANS_PROCESSED, Label
from lab.core.exposition import Scrape
from lab.engine.scraping import Scraping
from lab.errors import RuntimeFailure
from tests.engine.fakes import FakeRuntime

BEGIN_S = 1000.0


@dataclass
class Exporting(FakeRuntime):
    """Each service has a replica, which exposes these texts in turn; `silent` services have no metrics."""

    texts: Sequence[str] = ("first", "last")
    silent: tuple[str, ...] = ()
    now_s: float = BEGIN_S
    asked: dict[str, int] = field(default_factory=dict)

    def metrics(self, name: str) -> Sequence[Scrape]:
        if name in self.silent:
            raise RuntimeFailure(f"{name} is not there")
        number = self.asked[name] = self.asked.get(name, 0) + 1
        return [Scrape(f"{name}-1", self.now_s, self.texts[number - 1])]


def scraped(runtime: Exporting, services: Sequence[str]) -> Scraping:
    """A trial of two seconds."""
    scraping = Scraping(runtime, services, clock=lambda: runtime.now_s)
    runtime.now_s = BEGIN_S + 2
    scraping.take()
    return scraping


def test_it_scrapes_at_the_begin_and_at_the_end() -> None:
    found = scraped(Exporting(), ["catalog"]).scrapes
    assert [(scrape.at_s, scrape.text) for scrape in found["catalog"]] == [(0.0, "first"), (2.0, "last")]


def test_a_service_without_metrics_fails_nothing_and_the_others_are_kept() -> None:
    found = scraped(Exporting(silent=("catalog",)), ["catalog", "orders"]).scrapes
    assert {service: len(scrapes) for service, scrapes in found.items()} == {"orders": 2}


def exposed(**counts: int) -> str:
    """Spans by what became of them: `sent`, `dropped`, `failed`."""
    lines = []
    for metric, error, count in (
        (SPANS_PROCESSED, "queue_full", counts.get("dropped", 0)),
        (SPANS_EXPORTED, "", counts.get("sent", 0)),
        (SPANS_EXPORTED, "ConnectionError", counts.get("failed", 0)),
    ):
        lines += [f"# TYPE {metric.name} counter", f'{metric.name}{{{Label.ERROR}="{error}"}} {count}']
    return "\n".join(lines) + "\n"


LOST = [
    # case, before, after -> lost
    ("all were sent", exposed(sent=1), exposed(sent=900), 0),
    ("some were dropped", exposed(dropped=5), exposed(sent=100, dropped=25), 20),
    ("some could not be sent", exposed(), exposed(failed=64), 64),
    ("it does not trace", "", "", 0),
]


@pytest.mark.parametrize(("before", "after", "lost"), [case[1:] for case in LOST], ids=[case[0] for case in LOST])
def test_lost_spans_are_counted_over_the_trial(before: str, after: str, lost: int) -> None:
    assert scraped(Exporting(texts=(before, after)), ["catalog"]).lost_spans == lost
