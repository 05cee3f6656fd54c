"""Compares variants: the contract first, then one ladder of rates, interleaved, up to what each variant holds."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from lab.core.deployment import Deployment, Service, Usage
from lab.core.ladder import climb, next_rung, rate
from lab.core.manifest import PING_ROLE, Manifest
from lab.core.measurement import generator_limited, missed_objectives, void_reasons
from lab.core.roles import UPSTREAMS, played_by
from lab.core.scenario import Scenario
from lab.core.summary import Summary, summarise
from lab.core.trial import Trial, replaced, shares
from lab.errors import LabError
from lab.ports import ContractChecker, Load, LoadGenerator, Observer, Runtime

T = TypeVar("T")

WARM_UP_S = 1.0
PREPARED_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What to compare. `roles` maps each role that the scenario needs to the operations asked of it."""

    run: str
    scenario: Scenario
    variants: tuple[Manifest, ...]
    roles: Mapping[str, tuple[str, ...]]
    rung_s: float
    quick: bool
    seed: int


@dataclass(frozen=True, slots=True)
class Ports:
    """The world. `fake_catalog_url` finds a free address; `write_token` makes a token for all of the shop's writes."""

    runtime: Runtime
    checker: ContractChecker
    generator: LoadGenerator
    observer: Observer
    fake_catalog_url: Callable[[], str]
    write_token: Callable[[], str]


def compare(plan: Plan, ports: Ports) -> Summary:
    """Runs the whole plan. A variant that does not start or breaks the contract is not measured; the others are."""
    failures = _Failures(ports.observer)
    pool = ThreadPoolExecutor(max_workers=PREPARED_AT_ONCE)
    try:
        list(pool.map(lambda v: failures.attempt(v.name, lambda: _check_contract(v, plan, ports)), plan.variants))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # an interruption does not wait for what still runs
    kept = [variant for variant in plan.variants if variant.name not in failures.reasons]
    deployed = [failures.attempt(variant.name, partial(_deploy, variant, plan, ports)) for variant in kept]
    targets = {target.variant: target for target in deployed if target}
    trials = _climb_together(targets, plan, ports, failures)
    return summarise(
        plan.run,
        plan.scenario,
        plan.quick,
        [variant.name for variant in plan.variants],
        trials,
        failures.reasons,
        {name: target.first_answer_s for name, target in targets.items()},
    )


@dataclass(frozen=True, slots=True)
class _Target:
    """A variant's services, ready for load."""

    variant: str
    services: Mapping[str, Service]  # by role

    @property
    def first_answer_s(self) -> float:
        return max(replica.first_answer_s for service in self.services.values() for replica in service.replicas)


class _Failures:
    """Why variants are not measured: a step that fails takes its variant out, and the others go on."""

    def __init__(self, observer: Observer) -> None:
        self.reasons: dict[str, str] = {}
        self._observer = observer

    def attempt(self, variant: str, step: Callable[[], T]) -> T | None:
        """What the step gives; None when it failed, which is noted and told."""
        try:
            return step()
        except LabError as error:
            self.reasons[variant] = str(error)
            self._observer.failed(variant, str(error))
            return None


def _database(variant: Manifest, purpose: str, plan: Plan, runtime: Runtime) -> str:
    if not variant.roles:
        return ""
    run = plan.run.rpartition("-")[2]  # short: PostgreSQL cuts names at 63 bytes
    return runtime.database(variant, f"{purpose}_{variant.name}_{run}".replace("-", "_"))


def _check_contract(variant: Manifest, plan: Plan, ports: Ports) -> None:
    """Raises LabError when the variant may not be measured."""
    ports.observer.step(f"{variant.name}: tables and data")
    database_url = _database(variant, "contract", plan, ports.runtime)
    violations = 0
    for role, operations in played_by(variant, plan.roles).items():
        ports.observer.step(f"{variant.name}: contract of {role}")
        fake_catalog_url = ports.fake_catalog_url() if role in UPSTREAMS else ""
        deployment = Deployment(
            name=f"contract-{variant.name}-{role}",
            variant=variant,
            role=role,
            database_url=database_url,
            cache_url="" if role == PING_ROLE else ports.runtime.cache_url(),
            catalog_url=fake_catalog_url,
        )
        service = ports.runtime.deploy(deployment)
        try:
            report = ports.checker.check(
                service.url,
                role,
                operations,
                ports.runtime.token_key(),
                fake_catalog_url,
                service.replicas[0].metrics_url,
            )
        finally:
            ports.runtime.remove(service.name)
        ports.observer.contract(variant.name, role, report)
        violations += len(report.violations)
    if violations:
        raise LabError(f"breaks the contract in {violations} places")


def _deploy(variant: Manifest, plan: Plan, ports: Ports) -> _Target:
    ports.observer.step(f"{variant.name}: starting")
    database_url = _database(variant, "trial", plan, ports.runtime)
    services: dict[str, Service] = {}
    for role in played_by(variant, plan.roles):
        upstreams = [services[upstream].url for upstream in UPSTREAMS.get(role, ())]
        services[role] = ports.runtime.deploy(
            Deployment(
                name=f"trial-{variant.name}-{role}",
                variant=variant,
                role=role,
                database_url=database_url,
                cache_url="" if role == PING_ROLE else ports.runtime.cache_url(),
                catalog_url=upstreams[0] if upstreams else "",
            )
        )
    return _Target(variant.name, services)


def _climb_together(targets: Mapping[str, _Target], plan: Plan, ports: Ports, failures: _Failures) -> list[Trial]:
    """Rung by rung, in an order drawn anew for each rung, until every variant's climb has ended."""
    chance = random.Random(plan.seed)  # noqa: S311 - an order of trials, not a secret
    token = ports.write_token()
    by_variant: dict[str, list[Trial]] = {name: [] for name in targets}

    def warm_up(name: str) -> None:
        ports.observer.step(f"{name}: warming up")
        ports.generator.run(
            _load(targets[name], plan, plan.scenario.rate_per_s, WARM_UP_S, plan.seed, token), lambda: None
        )

    def try_rung(name: str, rung: int) -> None:
        seed = plan.seed + 1 + len(by_variant[name])  # the same requests for every variant, new ones for each try
        trial = _trial(targets[name], rung, plan, ports, seed, token)
        by_variant[name].append(trial)
        ports.observer.trial(trial)

    for name in targets:
        failures.attempt(name, partial(warm_up, name))
    while climbing := [
        n for n, trials in by_variant.items() if n not in failures.reasons and climb(trials).end is None
    ]:
        lowest = min(next_rung(by_variant[name]) for name in climbing)
        names = [name for name in climbing if next_rung(by_variant[name]) == lowest]
        for name in chance.sample(names, len(names)):
            failures.attempt(name, partial(try_rung, name, lowest))
    return [trial for trials in by_variant.values() for trial in trials]


def _load(target: _Target, plan: Plan, rate_per_s: float, duration_s: float, seed: int, token: str) -> Load:
    return Load(
        scenario=plan.scenario,
        urls={role: service.url for role, service in target.services.items()},
        state=target.variant,
        rate_per_s=rate_per_s,
        duration_s=duration_s,
        seed=seed,
        token=token,
    )


def _trial(target: _Target, rung: int, plan: Plan, ports: Ports, seed: int, token: str) -> Trial:
    rate_per_s = rate(plan.scenario.rate_per_s, rung)
    ports.observer.step(f"{target.variant}: {rate_per_s:.0f} requests per second")
    names = [service.name for service in target.services.values()]
    samples: dict[str, list[tuple[Usage, ...]]] = {name: [tuple(ports.runtime.usage(name))] for name in names}

    def sample() -> None:
        for name in names:
            samples[name].append(tuple(ports.runtime.usage(name)))

    measurement = ports.generator.run(_load(target, plan, rate_per_s, plan.rung_s, seed, token), sample)
    sample()
    restarts = [reason for taken in samples.values() for reason in replaced(taken[0], taken[-1])]
    void = (*void_reasons(measurement, plan.scenario.slo), *restarts)
    return Trial(
        variant=target.variant,
        rung=rung,
        rate_per_s=rate_per_s,
        measurement=measurement,
        replicas=tuple(
            share
            for name, taken in samples.items()
            for share in shares(name, taken[0], taken[1:], measurement.requests_by_connection)
        ),
        void=void,
        limited_by_generator=not restarts and generator_limited(measurement, plan.scenario.slo),
        missed=missed_objectives(measurement, plan.scenario.slo),
    )
