"""Compares arms: the contract first, then trials, interleaved, up to what each arm holds, and at half of that."""

from __future__ import annotations

from functools import partial

from lab.core.arms import Arm
from lab.core.summary import Summary, Tried, summarise
from lab.engine.contracts import check, database_name
from lab.engine.plan import Failures, Plan, Ports, Target
from lab.engine.start import Names, start
from lab.engine.trials import Trying


def compare(plan: Plan, ports: Ports) -> Summary:
    """Runs the whole plan. An arm that does not start or breaks the contract is not measured; the others are."""
    failures = Failures(ports.observer)
    check(plan, ports, failures)
    kept = [arm for arm in plan.arms if arm.name not in failures.reasons]
    deployed = [
        failures.attempt(arm.name, partial(_deploy, arm, number, plan, ports)) for number, arm in enumerate(kept)
    ]
    targets = {target.arm.name: target for target in deployed if target}
    trying = Trying(plan, ports, targets, failures)
    trying.warm_up()
    climbs = trying.climb() if plan.scenario.requests else {}
    half_load = trying.load_half(climbs) if plan.compares_telemetry and plan.scenario.requests else {}
    levels = trying.raise_levels()
    first_answer_s = {name: target.first_answer_s for name, target in targets.items()}
    tried = Tried(climbs, levels, half_load, failures.reasons, first_answer_s)
    return summarise(plan.run, plan.scenario, plan.quick, plan.arms, tried)


def _deploy(arm: Arm, number: int, plan: Plan, ports: Ports) -> Target:
    ports.observer.step(f"{arm.name}: starting")
    names = Names(
        service=lambda role: f"trial-{arm.slug}-{role}",
        database=lambda variant: database_name("trial", f"{variant.name}_{number}", plan.run),
    )
    roles = arm.stack.asked(plan.roles)
    services = start(arm.stack, roles, names, ports.runtime, telemetry=arm.telemetry, otlp_url=ports.otlp_url)
    return Target(arm, services)
