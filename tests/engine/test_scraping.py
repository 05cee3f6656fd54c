"""What is kept of the metrics of a trial's replicas, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lab.core.exposition import Scrape
from lab.engine.scraping import EVERY_S, Scraping
from lab.errors import RuntimeFailure
from tests.engine.fakes import FakeRuntime

BEGIN_S = 1000.0


@dataclass
class Exporting(FakeRuntime):
    """Each service has a replica, which exposes how often it was asked; `silent` services have no metrics."""

    silent: tuple[str, ...] = ()
    now_s: float = BEGIN_S
    asked: dict[str, int] = field(default_factory=dict)

    def metrics(self, name: str) -> Sequence[Scrape]:
        if name in self.silent:
            raise RuntimeFailure(f"{name} is not there")
        self.asked[name] = self.asked.get(name, 0) + 1
        return [Scrape(f"{name}-1", self.now_s, str(self.asked[name]))]


def scraped(runtime: Exporting, services: Sequence[str], ticks_s: Sequence[float], end_s: float) -> Scraping:
    """A trial that was ticked at these seconds from its begin."""
    scraping = Scraping(runtime, services, clock=lambda: runtime.now_s)
    for tick_s in ticks_s:
        runtime.now_s = BEGIN_S + tick_s
        scraping.take_if_due()
    runtime.now_s = BEGIN_S + end_s
    scraping.take()
    return scraping


def test_it_scrapes_at_the_begin_every_five_seconds_and_at_the_end() -> None:
    ticks = [0.5 * number for number in range(1, 24)]
    found = scraped(Exporting(), ["catalog"], ticks, end_s=12.0).scrapes
    assert [scrape.at_s for scrape in found["catalog"]] == [0.0, EVERY_S, 2 * EVERY_S, 12.0]
    assert [scrape.text for scrape in found["catalog"]] == ["1", "2", "3", "4"]


def test_a_service_without_metrics_fails_nothing_and_the_others_are_kept() -> None:
    found = scraped(Exporting(silent=("catalog",)), ["catalog", "orders"], [], end_s=2.0).scrapes
    assert {service: len(scrapes) for service, scrapes in found.items()} == {"orders": 2}
