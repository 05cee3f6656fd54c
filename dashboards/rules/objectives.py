"""Which objectives rules hold: those of the scenarios for what clients saw, and of roles for what their replicas tell.

A p99 of 250 ms is an objective too: at most 1 % of requests may take longer. Latencies are counted in buckets, so it
must be the bound of one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from lab.core.conventions import BUCKETS_S
from lab.core.operations import Operation
from lab.core.roles import ANY_ROLE
from lab.core.scenario import Scenario

SLOW_BUDGET = 0.01  # what a p99 leaves


@dataclass(frozen=True, slots=True)
class Objective:
    """At most SLOW_BUDGET of the requests take over `latency_s`, at most `failed_budget` fail; for each of `names`."""

    names: tuple[str, ...]
    latency_s: float
    failed_budget: float


def of_scenarios(scenarios: Collection[Scenario]) -> list[Objective]:
    """Of each scenario that has requests at a rate; those with equal figures are one. Raises ValueError."""
    return _grouped({one.name: one for one in scenarios if one.rate_per_s or one.beside})


def of_roles(scenarios: Collection[Scenario], operations: Mapping[str, Operation]) -> list[Objective]:
    """Of each role that a climbing scenario asks alone: what it is to keep for whoever asks. Raises ValueError."""
    found: dict[str, Scenario] = {}
    for scenario in scenarios:
        roles = {operations[request.operation].role for request in scenario.requests}
        if scenario.climbs and len(roles) == 1 and roles != {ANY_ROLE}:
            (role,) = roles
            if role in found:
                raise ValueError(f"{scenario.name} and {found[role].name} both ask {role} alone: whose SLO is its own?")
            found[role] = scenario
    return _grouped(found)


def _grouped(scenarios: Mapping[str, Scenario]) -> list[Objective]:
    by_figures: dict[tuple[float, float], list[str]] = {}
    for name, scenario in scenarios.items():
        by_figures.setdefault((_bound(scenario), scenario.slo.error_share), []).append(name)
    return [Objective(tuple(sorted(names)), *figures) for figures, names in sorted(by_figures.items())]


def _bound(scenario: Scenario) -> float:
    latency_s = scenario.slo.p99_ms / 1000
    if latency_s not in BUCKETS_S:
        bounds = ", ".join(f"{bound * 1000:g}" for bound in BUCKETS_S)
        raise ValueError(f"{scenario.name}: slo.p99_ms is {scenario.slo.p99_ms:g}, which is no bucket: {bounds}")
    return latency_s


def failed_budgets(objectives: Collection[Objective]) -> Iterator[tuple[float, tuple[str, ...]]]:
    """Each budget of failures, and whose it is."""
    for budget in sorted({one.failed_budget for one in objectives}):
        yield budget, tuple(sorted(name for one in objectives if one.failed_budget == budget for name in one.names))
