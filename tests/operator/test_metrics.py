"""What the operator tells of itself: who is late, and what ends with a resource."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from scaler.decision import Decision, Reason
from scaler.demand import Recommendation, Rule
from scaler.metrics import SILENT_S, Metrics
from scaler.scraping import Failure, Fault


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Told:
    clock: Clock
    metrics: Metrics
    registry: CollectorRegistry

    def lines(self, name: str) -> list[str]:
        text = generate_latest(self.registry).decode()
        return [line for line in text.splitlines() if line.startswith(f"lab_autoscaler_{name}")]


@pytest.fixture
def told() -> Told:
    clock, registry = Clock(), CollectorRegistry()
    return Told(clock, Metrics(registry, clock), registry)


def test_with_nothing_to_look_after_nobody_is_late(told: Told) -> None:
    told.clock.now += 10 * SILENT_S

    assert told.metrics.age_s() == 0
    assert told.metrics.healthy


def test_who_waits_longest_tells_the_health(told: Told) -> None:
    for name in ("catalog", "orders"):
        told.metrics.begun("shop", name)
    told.clock.now += SILENT_S
    told.metrics.ticked("shop", "catalog", lateness_s=0, duration_s=0)

    assert told.metrics.age_s() == SILENT_S
    assert not told.metrics.healthy
    assert told.lines("last_tick_age_seconds") == [f"lab_autoscaler_last_tick_age_seconds {SILENT_S}"]


def test_who_has_ended_is_not_waited_for(told: Told) -> None:
    told.metrics.begun("shop", "catalog")
    told.clock.now += SILENT_S
    told.metrics.ended("shop", "catalog")

    assert told.metrics.healthy
    assert told.lines("resources") == ["lab_autoscaler_resources 0.0"]


def test_series_end_with_their_resource(told: Told) -> None:
    decision = Decision(3, Reason.TOO_MUCH, "2 → 3", (Recommendation(Rule.THROUGHPUT, 2.5, {}),))
    for name in ("catalog", "orders"):
        told.metrics.decided("shop", name, 2, decision)
        told.metrics.waits("shop", name, ["CrashLoopBackOff", "Unschedulable", "CrashLoopBackOff"])
    told.metrics.ended("shop", "catalog")

    labels = 'name="orders",namespace="shop"'
    assert told.lines("desired_replicas") == [f"lab_autoscaler_desired_replicas{{{labels}}} 3.0"]
    assert told.lines("current_replicas") == [f"lab_autoscaler_current_replicas{{{labels}}} 2.0"]
    assert told.lines("decisions_total") == [f'lab_autoscaler_decisions_total{{{labels},reason="TooMuchLoad"}} 1.0']
    assert told.lines("rule_replicas") == [f'lab_autoscaler_rule_replicas{{{labels},rule="Throughput"}} 2.5']
    assert told.lines("waiting_pods") == [
        f'lab_autoscaler_waiting_pods{{{labels},reason="CrashLoopBackOff"}} 2.0',
        f'lab_autoscaler_waiting_pods{{{labels},reason="Unschedulable"}} 1.0',
    ]


def test_what_is_no_more_is_not_told(told: Told) -> None:
    asked = (Recommendation(Rule.THROUGHPUT, 2.5, {}), Recommendation(Rule.CONCURRENCY, 1.0, {}))
    told.metrics.decided("shop", "catalog", 2, Decision(3, Reason.TOO_MUCH, "2 → 3", asked))
    told.metrics.waits("shop", "catalog", ["Unschedulable"])
    told.metrics.decided("shop", "catalog", 3, Decision(3, Reason.NO_DATA, "3 stay"))
    told.metrics.waits("shop", "catalog", [])

    assert told.lines("rule_replicas") == told.lines("waiting_pods") == []


def test_faults_and_requests_are_counted(told: Told) -> None:
    told.metrics.scraped([Failure(Fault.TIMEOUT, "a: no answer in time")])
    told.metrics.requested("PATCH", "409")

    assert told.lines("scrape_errors_total") == ['lab_autoscaler_scrape_errors_total{fault="timeout"} 1.0']
    assert told.lines("api_requests_total") == ['lab_autoscaler_api_requests_total{method="PATCH",status="409"} 1.0']


def test_tasks_are_those_of_the_loop_that_asks(told: Told) -> None:
    async def asked() -> list[str]:
        other = asyncio.create_task(asyncio.sleep(0))
        lines = told.lines("tasks")
        await other
        return lines

    assert asyncio.run(asked()) == ["lab_autoscaler_tasks 2.0"]
    assert told.lines("tasks") == ["lab_autoscaler_tasks 0.0"]
