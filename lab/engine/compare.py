"""Compares variants: the contract first, then one ladder of rates, interleaved, up to what each variant holds."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

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
    pool = ThreadPoolExecutor(max_workers=PREPARED_AT_ONCE)
    try:
        failures = pool.map(lambda variant: _failure(_check_contract, variant, plan, ports), plan.variants)
        not_measured = {v.name: f for v, f in zip(plan.variants, failures, strict=True) if f}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # an interruption does not wait for what still runs
    targets: dict[str, _Target] = {}
    for variant in plan.variants:
        if variant.name not in not_measured:
            try:
                targets[variant.name] = _deploy(variant, plan, ports)
            except LabError as error:
                not_measured[variant.name] = str(error)
                ports.observer.failed(variant.name, str(error))
    trials = _climb_together(targets, plan, ports, not_measured)
    return summarise(
        plan.run,
        plan.scenario,
        plan.quick,
        [variant.name for variant in plan.variants],
        trials,
        not_measured,
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


def _failure(step: Callable[[Manifest, Plan, Ports], str], variant: Manifest, plan: Plan, ports: Ports) -> str:
    try:
        failure = step(variant, plan, ports)
    except LabError as error:
        failure = str(error)
    if failure:
        ports.observer.failed(variant.name, failure)
    return failure


def _database(variant: Manifest, purpose: str, plan: Plan, runtime: Runtime) -> str:
    if not variant.roles:
        return ""
    run = plan.run.rpartition("-")[2]  # short: PostgreSQL cuts names at 63 bytes
    return runtime.database(variant, f"{purpose}_{variant.name}_{run}".replace("-", "_"))


def _check_contract(variant: Manifest, plan: Plan, ports: Ports) -> str:
    """Why the variant may not be measured; empty when it keeps the contract."""
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
    return f"breaks the contract in {violations} places" if violations else ""


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


def _climb_together(
    targets: Mapping[str, _Target], plan: Plan, ports: Ports, not_measured: dict[str, str]
) -> list[Trial]:
    """Rung by rung, in an order drawn anew for each rung, until every variant's climb has ended.

    A variant whose services fail is added to `not_measured`, and the others go on.
    """
    chance = random.Random(plan.seed)  # noqa: S311 - an order of trials, not a secret
    token = ports.write_token()
    by_variant: dict[str, list[Trial]] = {name: [] for name in targets}

    def attempt(name: str, step: Callable[[], None]) -> None:
        try:
            step()
        except LabError as error:
            not_measured[name] = str(error)
            ports.observer.failed(name, str(error))

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
        attempt(name, partial(warm_up, name))
    while climbing := [n for n, trials in by_variant.items() if n not in not_measured and climb(trials).end is None]:
        lowest = min(next_rung(by_variant[name]) for name in climbing)
        names = [name for name in climbing if next_rung(by_variant[name]) == lowest]
        for name in chance.sample(names, len(names)):
            attempt(name, partial(try_rung, name, lowest))
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
