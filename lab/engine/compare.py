"""Compares arms: the contract first, then trials, interleaved: what each arm holds, or what is done to each of them."""

from __future__ import annotations

import contextlib
from functools import partial

from lab.core.arms import Arm
from lab.core.deployment import SMALL, Resources
from lab.core.summary import Summary, Tried, summarise
from lab.engine.contracts import check, database_name
from lab.engine.experiments import Experimenting
from lab.engine.happening import Pace
from lab.engine.measuring import Measuring
from lab.engine.plan import Failures, Plan, Ports, Target, cluster_problems
from lab.engine.stage import Stage
from lab.engine.start import Names, start
from lab.engine.trials import Trying
from lab.errors import InputError, LabError, RuntimeFailure

REAL = Pace()


def compare(plan: Plan, ports: Ports, pace: Pace = REAL) -> Summary:
    """Runs the whole plan. An arm that does not start or breaks the contract is not measured; the others are.

    Raises InputError when the plan needs a cluster and there is none.
    """
    if problems := cluster_problems(plan.scenario, on_cluster=bool(ports.cluster)):
        raise InputError("lab compare", problems)
    failures = Failures(ports.observer)
    check(plan, ports, failures)
    targets = _targets(plan, ports, failures)
    tried = _try(plan, ports, targets, failures, pace)
    return summarise(plan.run, plan.scenario, plan.quick, plan.arms, tried, ports.runtime.facts())


def _try(plan: Plan, ports: Ports, targets: dict[str, Target], failures: Failures, pace: Pace) -> Tried:
    first_answer_s = {target.arm.name: target.first_answer_s for target in targets.values()}
    measuring = Measuring(plan, ports, Stage(ports.cluster, failures))
    experiment = plan.scenario.experiment
    if experiment and ports.cluster:
        repeats = Experimenting(measuring, experiment, ports.cluster, targets, failures, pace).repeat()
        return Tried({}, {}, {}, failures.reasons, first_answer_s, repeats)
    trying = Trying(measuring, targets, failures)
    climbs = trying.meet(trying.climb()) if plan.scenario.requests else {}
    half_load = trying.load_half(climbs) if plan.compares_telemetry and plan.scenario.requests else {}
    levels = trying.raise_levels()
    return Tried(climbs, levels, half_load, failures.reasons, first_answer_s)


def _targets(plan: Plan, ports: Ports, failures: Failures) -> dict[str, Target]:
    """Of every arm that has not failed, in every case of an experiment; by their names."""
    experiment = plan.scenario.experiment
    cases = experiment.cases if experiment else {"": SMALL}
    kept = [arm for arm in plan.arms if arm.name not in failures.reasons]
    targets: dict[str, Target] = {}
    for number, (arm, case) in enumerate((arm, case) for arm in kept for case in cases):
        if arm.name not in failures.reasons:
            deploy = partial(_deploy, arm, case, cases[case], number, plan, ports)
            if target := failures.attempt(arm.name, deploy):
                targets[target.name] = target
    return targets


def _deploy(arm: Arm, case: str, resources: Resources, number: int, plan: Plan, ports: Ports) -> Target:
    """On a cluster it has no replicas until it is on stage: others need the room."""
    ports.observer.step(f"{arm.name}: starting{f' with {case}' if case else ''}")
    slug = f"{arm.slug}.{case}" if case else arm.slug
    names = Names(
        service=lambda role: f"trial-{slug}-{role}",
        database=lambda variant: database_name("trial", f"{variant.name}_{number}", plan.run),
    )
    roles = arm.stack.asked(plan.roles)
    try:
        services = start(
            arm.stack,
            roles,
            names,
            ports.runtime,
            telemetry=arm.telemetry,
            otlp_url=ports.otlp_url,
            resources=resources,
            replicas=0 if ports.cluster else 1,
        )
    except LabError:
        for role in roles if ports.cluster else ():
            with contextlib.suppress(RuntimeFailure):  # those that were not reached are not there
                ports.runtime.remove(names.service(role))
        raise
    return Target(arm, services, case)
