"""`lab compare`: variants against each other, with results for people and for machines."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from shop.tokens import WRITE_SCOPES, mint

from lab.cli.choosing import choose, runtime_options
from lab.cli.labs import open_lab
from lab.core.arms import EXAMPLE, parse_levels, scaling_problems
from lab.core.autoscaling import Autoscaler, parse_autoscalers
from lab.core.exposition import Scrape
from lab.core.roles import roles
from lab.core.stacks import parse_stacks, stack_of, variants_of
from lab.core.summary import Summary
from lab.core.trial import Trial
from lab.engine.compare import compare
from lab.engine.plan import Plan, Ports, cluster_problems
from lab.errors import InputError
from lab.ports import ContractReport, Observer
from lab.report.experiments import experiment_table
from lab.report.folder import ResultsFolder
from lab.report.provenance import of_runtime, provenance
from lab.report.sentences import sentences
from lab.report.sizes import size_lines
from lab.report.table import Progress, levels_table, price_table, result_table
from lab.scenarios import load_scenario
from lab.tree import SERVICES, contract_operations
from lab.variants import load_manifests

RUNG_S = 10.0
QUICK_RUNG_S = 2.0
T = TypeVar("T")
TOKEN_LIFETIME_S = 6 * 3600
METRICS_SERVER = "metrics-server"


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
@click.option(
    "--autoscaler",
    default=None,
    help=f"Compare every stack under each, where the load rises and falls.  [default: {','.join(Autoscaler)}]",
)
@click.option("--quick", is_flag=True, help="Rungs of two seconds: a first answer, not a ranking.")
@click.option(
    "--seed", type=int, default=None, help="For requests and order of trials; drawn and reported if not given."
)
@click.option("--results", "results_root", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option("--services", "folders", type=click.Path(path_type=Path), multiple=True, help="More folders of variants.")
@click.option(
    "--load-workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many share each load, on a cluster: for rates that one core can't send.",
)
@runtime_options
def compare_command(
    names: str,
    hybrids: tuple[str, ...],
    scenario_name: str,
    factor: str | None,
    telemetry: str | None,
    autoscaler: str | None,
    quick: bool,
    seed: int | None,
    results_root: Path,
    folders: tuple[Path, ...],
    load_workers: int,
    **where: Any,
) -> int:
    """Check the contract of variants, put them under load, and say how they compare."""
    seed = secrets.randbelow(2**31) if seed is None else seed
    plan = make_plan(names, hybrids, scenario_name, factor, telemetry, autoscaler, quick, seed, folders)
    choice = choose(**where)
    problems = cluster_problems(plan.scenario, choice.on_cluster)
    if load_workers > 1 and not choice.on_cluster:
        problems.append("--load-workers: on a cluster only")
    if Autoscaler.HPA in plan.autoscalers and METRICS_SERVER in choice.without:
        problems.append(f"--without: {METRICS_SERVER} is what hpa learns of CPU from; leave either out")
    if problems:
        raise InputError("lab compare", problems)
    variants = variants_of(plan.stacks)
    console = Console()
    with (
        ResultsFolder(results_root, plan.run) as folder,
        Progress(console, [arm.name for arm in plan.arms]) as progress,
    ):
        console.print(f"Runtime: {choice.runtime}, {choice.why}.", highlight=False, soft_wrap=True)
        console.print(told(plan), highlight=False, soft_wrap=True)
        observer = _All(progress, folder)
        with open_lab(choice, plan.run, variants, plan.seed, load_workers, progress.opening) as lab:
            facts = lab.runtime.facts()
            console.print(f"Placed: {facts.pinning}.", highlight=False, soft_wrap=True)
            origin = provenance(
                facts,
                variants,
                plan.seed,
                plan.scenario.document(),
                plan.telemetry,
                plan.checked_with,
                lab.versions_of,
                lab.images,
            )
            folder.provenance(origin)
            token = mint(lab.runtime.token_key(), WRITE_SCOPES, time.time(), TOKEN_LIFETIME_S)
            ports = Ports(
                runtime=lab.runtime,
                checker=lab.checker,
                generator=lab.generator,
                observer=observer,
                fake_catalog_url=lab.fake_catalog_url,
                write_token=lambda: token,
                otlp_url=lab.receive(folder.path / "spans.db") if plan.traces else "",
                cluster=lab.cluster,
            )
            summary = compare(plan, ports)
            folder.provenance({**origin, "runtime": of_runtime(summary.runtime)})
            addresses = lab.addresses()
    folder.finish(summary)
    show(console, summary, folder.path)
    for line in addresses:
        console.print(line, highlight=False, soft_wrap=True)
    return 0 if summary.ok else 1


def make_plan(
    names: str,
    hybrids: Sequence[str],
    scenario_name: str,
    factor: str | None,
    telemetry: str | None,
    autoscaler: str | None,
    quick: bool,
    seed: int,
    folders: Sequence[Path],
) -> Plan:
    """Everything that the input decides; raises InputError with every problem."""
    problems: list[str] = []
    scenario = _collect(problems, lambda: load_scenario(scenario_name))
    levels = _collect(problems, lambda: parse_levels(factor, telemetry)) or ()
    named_autoscalers = _collect(problems, lambda: parse_autoscalers(autoscaler)) if autoscaler is not None else None
    autoscalers = named_autoscalers or tuple(Autoscaler)
    if scenario and scenario.rises:
        problems += scaling_problems(autoscalers, levels)
    elif scenario:
        autoscalers = ()
        if autoscaler is not None:
            problems.append(f"--autoscaler: the load of {scenario_name} is constant; for example  --scenario scaleout")
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
    return Plan(run, scenario, stacks, levels, needed, QUICK_RUNG_S if quick else RUNG_S, quick, seed, autoscalers)


def told(plan: Plan) -> str:
    """Which telemetry is on, and what is compared, in a line."""
    names = ", ".join(level.name for level in plan.telemetry)
    if plan.autoscalers:
        return f"Autoscalers: each stack with {', '.join(plan.autoscalers)}. Telemetry: {names}, in every variant."
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
    if summary.scenario.experiment:
        console.print(experiment_table(summary))
    for line in size_lines(summary):
        console.print(line, highlight=False, soft_wrap=True)
    if summary.scenario.climbs:
        console.print(result_table(summary))
    if summary.scenario.climbs and summary.compares_telemetry:
        console.print(price_table(summary))
    if summary.scenario.beside:
        console.print(levels_table(summary))
    for sentence in sentences(summary):
        console.print(sentence, highlight=False, soft_wrap=True)
    console.print(f"Results: {folder} (also {folder.parent / 'latest'})", highlight=False, soft_wrap=True)


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
