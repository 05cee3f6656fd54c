"""`lab compare`: variants against each other, with results for people and for machines."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from shop.tokens import WRITE_SCOPES, mint

from lab.contract.checker import HttpContractChecker
from lab.core.arms import EXAMPLE, parse_levels
from lab.core.exposition import Scrape
from lab.core.roles import roles
from lab.core.stacks import parse_stacks, stack_of
from lab.core.summary import Summary
from lab.core.trial import Trial
from lab.engine.compare import compare
from lab.engine.plan import Plan, Ports
from lab.errors import InputError
from lab.load.generator import WorkerGenerator
from lab.ports import ContractReport, Observer
from lab.report.folder import ResultsFolder
from lab.report.provenance import provenance
from lab.report.sentences import sentences
from lab.report.table import Progress, levels_table, price_table, result_table
from lab.runtimes.local import local_lab
from lab.scenarios import load_scenario
from lab.tree import SERVICES, contract_operations
from lab.variants import load_manifests

RUNG_S = 10.0
QUICK_RUNG_S = 2.0
T = TypeVar("T")
TOKEN_LIFETIME_S = 6 * 3600


@click.command("compare")
@click.option(
    "--variants",
    "names",
    default="",
    help="Names, separated by commas; all that can enter without --stack.",
)
@click.option("--stack", "hybrids", multiple=True, help="ROLE=NAME,ROLE=NAME: also a mix of variants. Repeatable.")
@click.option("--scenario", "scenario_name", required=True, help="A name in scenarios/, or a file.")
@click.option("--factor", default=None, help=f"Compare every stack at each level; for example {EXAMPLE}.")
@click.option(
    "--telemetry",
    default=None,
    help="In every variant: off, metrics (default), official, or official-5 for 5 % of requests.",
)
@click.option("--quick", is_flag=True, help="Rungs of two seconds: a first answer, not a ranking.")
@click.option(
    "--seed", type=int, default=None, help="For requests and order of trials; drawn and reported if not given."
)
@click.option("--results", "results_root", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option("--services", "folders", type=click.Path(path_type=Path), multiple=True, help="More folders of variants.")
def compare_command(
    names: str,
    hybrids: tuple[str, ...],
    scenario_name: str,
    factor: str | None,
    telemetry: str | None,
    quick: bool,
    seed: int | None,
    results_root: Path,
    folders: tuple[Path, ...],
) -> int:
    """Check the contract of variants, put them under load, and say how they compare."""
    seed = secrets.randbelow(2**31) if seed is None else seed
    plan = make_plan(names, hybrids, scenario_name, factor, telemetry, quick, seed, folders)
    variants = {variant.name: variant for stack in plan.stacks for variant in stack.variants}
    console = Console()
    with (
        ResultsFolder(results_root, plan.run) as folder,
        Progress(console, [arm.name for arm in plan.arms]) as progress,
    ):
        console.print("Runtime: local, the only one so far.", highlight=False)
        console.print(told(plan), highlight=False, soft_wrap=True)
        observer = _All(progress, folder)
        with local_lab(observer.step) as runtime, WorkerGenerator(runtime.generator_cpus()) as generator:
            runtime.pin_this_process()
            console.print(f"Placed: {runtime.facts().pinning}.", highlight=False, soft_wrap=True)
            folder.provenance(
                provenance(
                    runtime.facts(),
                    list(variants.values()),
                    plan.seed,
                    plan.scenario.document(),
                    plan.telemetry,
                    plan.checked_with,
                )
            )
            token = mint(runtime.token_key(), WRITE_SCOPES, time.time(), TOKEN_LIFETIME_S)
            otlp_url = runtime.receive(folder.path / "spans.db") if plan.traces else ""
            checker = HttpContractChecker(plan.seed)
            ports = Ports(runtime, checker, generator, observer, free_url, lambda: token, otlp_url)
            summary = compare(plan, ports)
    folder.finish(summary)
    show(console, summary, folder.path)
    return 0 if summary.ok else 1


def make_plan(
    names: str,
    hybrids: Sequence[str],
    scenario_name: str,
    factor: str | None,
    telemetry: str | None,
    quick: bool,
    seed: int,
    folders: Sequence[Path],
) -> Plan:
    """Everything that the input decides; raises InputError with every problem."""
    problems: list[str] = []
    scenario = _collect(problems, lambda: load_scenario(scenario_name))
    levels = _collect(problems, lambda: parse_levels(factor, telemetry)) or ()
    manifests = _collect(problems, lambda: load_manifests((SERVICES, *folders))) or {}
    named = _collect(problems, lambda: parse_stacks(names, hybrids, manifests)) if manifests else None
    sent = [(request.operation, request.role) for request in scenario.sent] if scenario else []
    needed = roles(sent, {operation.id: operation.role for operation in contract_operations().values()})
    for stack in named or ():
        if missing := stack.missing(needed):
            problems.append(f"{stack.by_role} does not play {', '.join(missing)}, which {scenario_name} needs")
    if problems or not scenario:
        raise InputError("lab compare", problems)
    able = [stack for stack in map(stack_of, manifests.values()) if not stack.missing(needed)]
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{scenario.name}-{secrets.token_hex(2)}"
    stacks = tuple(named or able)
    return Plan(run, scenario, stacks, levels, needed, QUICK_RUNG_S if quick else RUNG_S, quick, seed)


def told(plan: Plan) -> str:
    """Which telemetry is on, in a line."""
    names = ", ".join(level.name for level in plan.telemetry)
    if plan.compares_telemetry:
        return f"Telemetry: each stack with {names}; contracts are checked with {plan.checked_with.name}."
    return f"Telemetry: {names}, in every variant."


def _collect(problems: list[str], read: Callable[[], T]) -> T | None:
    """What `read` gives, or None with its problems added."""
    try:
        return read()
    except InputError as error:
        problems += [f"{error.where}: {problem}" for problem in error.problems]
        return None


def show(console: Console, summary: Summary, folder: Path) -> None:
    console.print()
    if summary.scenario.requests:
        console.print(result_table(summary))
    if summary.scenario.requests and summary.compares_telemetry:
        console.print(price_table(summary))
    if summary.scenario.beside:
        console.print(levels_table(summary))
    for sentence in sentences(summary):
        console.print(sentence, highlight=False, soft_wrap=True)
    console.print(f"Results: {folder} (also {folder.parent / 'latest'})", highlight=False, soft_wrap=True)


def free_url() -> str:
    """A loopback address that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


class _All:
    """Tells several observers, in turn."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def step(self, text: str) -> None:
        for observer in self._observers:
            observer.step(text)

    def contract(self, variant: str, role: str, report: ContractReport) -> None:
        for observer in self._observers:
            observer.contract(variant, role, report)

    def failed(self, variant: str, reason: str) -> None:
        for observer in self._observers:
            observer.failed(variant, reason)

    def trial(self, trial: Trial) -> None:
        for observer in self._observers:
            observer.trial(trial)

    def metrics(self, trial: Trial, scrapes: Mapping[str, Sequence[Scrape]]) -> None:
        for observer in self._observers:
            observer.metrics(trial, scrapes)
