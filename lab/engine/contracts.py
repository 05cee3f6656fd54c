"""Checks the contract of every variant in every role that it is to play: who breaks it is not measured.

With the telemetry that tells most of what is asked for: instrumentation must not change an answer either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from lab.core.deployment import Deployment
from lab.core.manifest import Manifest
from lab.core.roles import UPSTREAMS, WITH_DATABASE
from lab.engine.plan import Failures, Plan, Ports
from lab.errors import LabError

CHECKED_AT_ONCE = 3


def check(plan: Plan, ports: Ports, failures: Failures) -> None:
    """Each variant once in a role, however many stacks it plays that role in; what it breaks takes those stacks out."""
    todo: dict[str, dict[str, tuple[str, ...]]] = {}
    variants = {variant.name: variant for stack in plan.stacks for variant in stack.variants}
    for stack in plan.stacks:
        for role, operations in stack.asked(plan.roles).items():
            todo.setdefault(stack.players[role].name, {})[role] = operations
    broken: dict[tuple[str, str], str] = {}
    pool = ThreadPoolExecutor(max_workers=CHECKED_AT_ONCE)
    try:
        for found in pool.map(lambda name: _check_variant(variants[name], todo[name], plan, ports), todo):
            broken |= found
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # an interruption does not wait for what still runs
    for arm in plan.arms:
        reasons = [
            reason
            for role in arm.stack.asked(plan.roles)
            if (reason := broken.get((arm.stack.players[role].name, role))) is not None
        ]
        if reasons:
            failures.failed(arm.name, "; ".join(reasons))


def _check_variant(
    variant: Manifest, roles: Mapping[str, Sequence[str]], plan: Plan, ports: Ports
) -> dict[tuple[str, str], str]:
    """Why it may not be measured in which role."""
    broken: dict[tuple[str, str], str] = {}
    database_url = ""
    for role, operations in roles.items():
        try:
            if role in WITH_DATABASE and not database_url:
                ports.observer.step(f"{variant.name}: tables and data")
                database_url = ports.runtime.database(variant, database_name("contract", variant.name, plan.run))
            violations = _check_role(variant, role, operations, database_url, plan, ports)
        except LabError as error:
            broken[variant.name, role] = str(error)
        else:
            if violations:
                broken[variant.name, role] = f"{variant.name} breaks the contract of {role} in {violations} places"
    return broken


def _check_role(
    variant: Manifest, role: str, operations: Sequence[str], database_url: str, plan: Plan, ports: Ports
) -> int:
    """How often the contract is broken."""
    ports.observer.step(f"{variant.name}: contract of {role}")
    fake_catalog_url = ports.fake_catalog_url() if role in UPSTREAMS else ""
    service = ports.runtime.deploy(
        Deployment(
            name=f"contract-{variant.name}-{role}",
            variant=variant,
            role=role,
            database_url=database_url if role in WITH_DATABASE else "",
            cache_url=ports.runtime.cache_url() if role in WITH_DATABASE else "",
            catalog_url=fake_catalog_url,
            telemetry=plan.checked_with,
            otlp_url=ports.otlp_url,
        )
    )
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
    return len(report.violations)


def database_name(purpose: str, whose: str, run: str) -> str:
    """Short: PostgreSQL cuts names at 63 bytes."""
    return f"{purpose}_{whose}_{run.rpartition('-')[2]}".replace("-", "_")
