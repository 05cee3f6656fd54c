"""What the operator tells of itself, as metrics and as its health.

Series of a resource end with it, or with the operator's turn, when another one takes over.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Counted
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from scaler.decision import Decision
from scaler.scraping import Failure

SILENT_S = 60.0  # a dozen ticks: whoever is late for longer hangs, and is to be started anew
OF_RESOURCE = ("namespace", "name")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """`clock` tells seconds."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ticked: dict[tuple[str, str], float] = {}

        def gauge(name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
            return Gauge(f"lab_autoscaler_{name}", text, tuple(labels), registry=registry)

        def counter(name: str, text: str, labels: Iterable[str]) -> Counter:
            return Counter(f"lab_autoscaler_{name}", text, tuple(labels), registry=registry)

        def seconds(name: str, text: str) -> Histogram:
            return Histogram(f"lab_autoscaler_{name}_seconds", text, buckets=_SECONDS, registry=registry)

        self._desired = gauge("desired_replicas", "Replicas that were decided on", OF_RESOURCE)
        self._current = gauge("current_replicas", "Replicas that the target was asked for", OF_RESOURCE)
        self._rules = gauge("rule_replicas", "Replicas that a rule asks for, before bounds", (*OF_RESOURCE, "rule"))
        self._waiting = gauge(
            "waiting_pods", "Pods of the target that don't start, by reason", (*OF_RESOURCE, "reason")
        )
        self._decisions = counter("decisions", "Decisions, one a tick, by reason", (*OF_RESOURCE, "reason"))
        self._failures = counter("scrape_errors", "Replicas that told nothing when asked, by fault", ("fault",))
        self._requests = counter(
            "api_requests", "Requests of ticks to the API; no status: no answer", ("method", "status")
        )
        self._duration = seconds("tick_duration", "From the begin of a tick to its end")
        self._lateness = seconds("tick_lateness", "From when a tick was due to its begin")
        gauge("last_tick_age_seconds", "Of the resource that waits longest for its tick").set_function(self.age_s)
        gauge("resources", "Resources that are looked after").set_function(lambda: len(self._ticked))
        gauge("tasks", "Tasks of the event loop, those of Kopf included").set_function(_tasks)

    def age_s(self) -> float:
        """Since the resource that waits longest had its last tick; 0 while there is none to look after."""
        now = self._clock()
        return now - min(self._ticked.values(), default=now)

    @property
    def healthy(self) -> bool:
        return self.age_s() < SILENT_S

    def begun(self, namespace: str, name: str) -> None:
        self._ticked[namespace, name] = self._clock()

    def ticked(self, namespace: str, name: str, lateness_s: float, duration_s: float) -> None:
        self._ticked[namespace, name] = self._clock()
        self._lateness.observe(lateness_s)
        self._duration.observe(duration_s)

    def decided(self, namespace: str, name: str, current: int, decision: Decision) -> None:
        self._current.labels(namespace, name).set(current)
        self._desired.labels(namespace, name).set(decision.replicas)
        self._decisions.labels(namespace, name, str(decision.reason)).inc()
        asked = {str(one.rule): one.need for one in decision.recommendations}
        _tell(self._rules, namespace, name, asked)

    def waits(self, namespace: str, name: str, reasons: Iterable[str]) -> None:
        """A reason for each pod of the target that does not start."""
        _tell(self._waiting, namespace, name, Counted(reasons))

    def scraped(self, failures: Iterable[Failure]) -> None:
        for failure in failures:
            self._failures.labels(str(failure.fault)).inc()

    def requested(self, method: str, status: str) -> None:
        self._requests.labels(method, status).inc()

    def ended(self, namespace: str, name: str) -> None:
        self._ticked.pop((namespace, name), None)
        for metric in (self._desired, self._current, self._rules, self._waiting, self._decisions):
            metric.remove_by_labels({"namespace": namespace, "name": name})


def _tell(gauge: Gauge, namespace: str, name: str, values: Mapping[str, float]) -> None:
    """All values of a resource, by their last label; others that it had are no more."""
    gauge.remove_by_labels({"namespace": namespace, "name": name})
    for label, value in values.items():
        gauge.labels(namespace, name, label).set(value)


def _tasks() -> int:
    """Of the loop that asks; 0 where none does."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return 0
