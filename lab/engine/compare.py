"""Compares stacks: the contract first, then trials, interleaved, up to what each stack holds."""

from __future__ import annotations

from functools import partial

from lab.core.stacks import Stack
from lab.core.summary import Summary, summarise
from lab.engine.contracts import check, database_name
from lab.engine.plan import Failures, Plan, Ports, Target
from lab.engine.start import Names, start
from lab.engine.trials import Trying


def compare(plan: Plan, ports: Ports) -> Summary:
    """Runs the whole plan. A stack that does not start or breaks the contract is not measured; the others are."""
    failures = Failures(ports.observer)
    check(plan, ports, failures)
    kept = [stack for stack in plan.stacks if stack.name not in failures.reasons]
    deployed = [
        failures.attempt(stack.name, partial(_deploy, stack, number, plan, ports)) for number, stack in enumerate(kept)
    ]
    targets = {target.stack.name: target for target in deployed if target}
    trying = Trying(plan, ports, targets, failures)
    trying.warm_up()
    climbs = trying.climb() if plan.scenario.requests else {}
    levels = trying.raise_levels()
    return summarise(
        plan.run,
        plan.scenario,
        plan.quick,
        [stack.name for stack in plan.stacks],
        climbs,
        levels,
        failures.reasons,
        {name: target.first_answer_s for name, target in targets.items()},
    )


def _deploy(stack: Stack, number: int, plan: Plan, ports: Ports) -> Target:
    ports.observer.step(f"{stack.name}: starting")
    names = Names(
        service=lambda role: f"trial-{stack.slug}-{role}",
        database=lambda variant: database_name("trial", f"{variant.name}_{number}", plan.run),
    )
    return Target(stack, start(stack, stack.asked(plan.roles), names, ports.runtime))
