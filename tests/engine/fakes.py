"""The world of the engine, in memory: variants that answer fast enough up to a capacity."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lab.core.deployment import Deployment, Facts, Replica, Service, Usage
from lab.core.exposition import Scrape
from lab.core.manifest import Manifest
from lab.core.measurement import Measurement
from lab.core.telemetry import Mode
from lab.core.trial import Trial
from lab.errors import RuntimeFailure
from lab.ports import ContractReport, Load
from tests.core.made import answers, measurement, streams_seen


@dataclass
class FakeRuntime:
    """Replicas of `crashing` variants do not start. One request costs a millisecond of CPU."""

    crashing: tuple[str, ...] = ()
    deployed: dict[str, Deployment] = field(default_factory=dict)
    databases: list[str] = field(default_factory=list)
    made: list[Deployment] = field(default_factory=list)
    answered: int = 0

    def facts(self) -> Facts:
        return Facts("fake", "not pinned", "none", {})

    def cache_url(self) -> str:
        return "unix:///cache"

    def token_key(self) -> bytes:
        return b"k" * 32

    def database(self, variant: Manifest, name: str, keep: bool = False) -> str:
        self.databases.append(name)
        return f"postgresql:///{name}"

    def deploy(self, deployment: Deployment) -> Service:
        if deployment.variant.name in self.crashing:
            raise RuntimeFailure(f"{deployment.name} ended with exit code 1")
        self.deployed[deployment.name] = deployment
        self.made.append(deployment)
        replica = Replica(f"{deployment.name}-0", "http://metrics", (1,), 0.5, 0.6, 0)
        return Service(deployment.name, f"http://{deployment.name}", (replica,))

    def scale(self, name: str, replicas: int) -> Service:
        raise NotImplementedError

    def usage(self, name: str) -> Sequence[Usage]:
        return [Usage(f"{name}-0", (1,), self.answered / 1000, 2**20, frozenset(), True)]

    def metrics(self, name: str) -> Sequence[Scrape]:
        """Each says how much was answered so far."""
        off = self.deployed[name].telemetry.mode is Mode.OFF
        return [] if off else [Scrape(f"{name}-0", time.monotonic(), str(self.answered))]

    def remove(self, name: str) -> None:
        del self.deployed[name]


@dataclass
class FakeChecker:
    broken: tuple[str, ...] = ()
    checked: list[tuple[str, str, tuple[str, ...], str]] = field(default_factory=list)

    def check(
        self, url: str, role: str, operations: Sequence[str], token_key: bytes, fake_catalog_url: str, metrics_url: str
    ) -> ContractReport:
        self.checked.append((url, role, tuple(operations), fake_catalog_url))
        violations = ("wrong",) if any(name in url for name in self.broken) else ()
        return ContractReport(1, violations, (), {}, {}, 1)


@dataclass
class FakeGenerator:
    """`capacity_per_s` of each variant; one whose capacity is 0 cannot be reached."""

    runtime: FakeRuntime
    capacity_per_s: Mapping[str, float]
    void_first: bool = False
    rates: dict[str, list[float]] = field(default_factory=dict)
    seeds: dict[str, list[int]] = field(default_factory=dict)

    def run(self, load: Load, on_tick: Callable[[], None]) -> Measurement:
        capacity = self.capacity_per_s[load.state]
        if not capacity:
            raise RuntimeFailure(f"{load.state} cannot be reached")
        on_tick()
        self.rates.setdefault(load.state, []).append(load.rate_per_s)
        self.seeds.setdefault(load.state, []).append(load.seed)
        self.runtime.answered += 200
        found = measurement(load.rate_per_s, p99_ms=9.0 if load.rate_per_s <= capacity else 900.0)
        if load.beside_per_s:
            seen = streams_seen(load.streams, load.streams) if load.streams else None
            found = replace(found, beside=answers(), streams=seen)
        second = len(self.rates[load.state]) == 2  # the first is the warm-up
        return replace(found, steal_share=0.5) if self.void_first and second else found


@dataclass
class Notes:
    failures: dict[str, str] = field(default_factory=dict)
    trials: list[Trial] = field(default_factory=list)
    scraped: list[tuple[Trial, Mapping[str, Sequence[Scrape]]]] = field(default_factory=list)

    def step(self, text: str) -> None:
        """Not kept."""

    def contract(self, variant: str, role: str, report: ContractReport) -> None:
        """Not kept."""

    def failed(self, variant: str, reason: str) -> None:
        self.failures[variant] = reason

    def trial(self, trial: Trial) -> None:
        self.trials.append(trial)

    def metrics(self, trial: Trial, scrapes: Mapping[str, Sequence[Scrape]]) -> None:
        self.scraped.append((trial, scrapes))
