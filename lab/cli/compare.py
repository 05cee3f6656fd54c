"""`lab compare`: variants against each other, with results for people and for machines."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from shop.tokens import mint

from lab.contract.checker import HttpContractChecker
from lab.core.manifest import Manifest
from lab.core.roles import missing_roles, roles
from lab.core.summary import Summary
from lab.core.trial import Trial
from lab.engine.compare import Plan, Ports, compare
from lab.errors import InputError
from lab.load.generator import WorkerGenerator
from lab.ports import ContractReport, Observer
from lab.report.folder import ResultsFolder
from lab.report.provenance import provenance
from lab.report.sentences import sentences
from lab.report.table import Progress, result_table
from lab.runtimes.local import local_lab
from lab.scenarios import load_scenario
from lab.tree import ROOT, contract_operations
from lab.variants import load_manifests

RUNG_S = 10.0
QUICK_RUNG_S = 2.0
WRITE_SCOPES = "products:write orders:write stock:write"
TOKEN_LIFETIME_S = 6 * 3600


@click.command("compare")
@click.option("--variants", "names", default="", help="Names, separated by commas; all that can enter if not given.")
@click.option("--scenario", "scenario_name", required=True, help="A name in scenarios/, or a file.")
@click.option("--quick", is_flag=True, help="Rungs of two seconds: a first answer, not a ranking.")
@click.option(
    "--seed", type=int, default=None, help="For requests and order of trials; drawn and reported if not given."
)
@click.option("--results", "results_root", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option("--services", "folders", type=click.Path(path_type=Path), multiple=True, help="More folders of variants.")
def compare_command(
    names: str, scenario_name: str, quick: bool, seed: int | None, results_root: Path, folders: tuple[Path, ...]
) -> int:
    """Check the contract of variants, put them under load, and say how they compare."""
    plan = make_plan(names, scenario_name, quick, secrets.randbelow(2**31) if seed is None else seed, folders)
    console = Console()
    folder = ResultsFolder(results_root, plan.run)
    console.print("Runtime: local, the only one so far.", highlight=False)
    with Progress(console, [variant.name for variant in plan.variants]) as progress:
        observer = _All(progress, folder)
        with local_lab(observer.step) as runtime, WorkerGenerator(runtime.generator_cpus()) as generator:
            folder.provenance(provenance(runtime.facts(), plan.variants, plan.seed, plan.scenario.document()))
            token = mint(runtime.token_key(), WRITE_SCOPES, time.time(), TOKEN_LIFETIME_S)
            ports = Ports(runtime, HttpContractChecker(plan.seed), generator, observer, free_url, lambda: token)
            summary = compare(plan, ports)
    folder.finish(summary)
    show(console, summary, folder.path)
    return 0 if summary.ok else 1


def make_plan(names: str, scenario_name: str, quick: bool, seed: int, folders: Sequence[Path]) -> Plan:
    """Everything that the input decides; raises InputError with every problem."""
    problems: list[str] = []
    scenario = load_scenario(scenario_name)
    manifests = load_manifests((ROOT / "services", *folders))
    needed = roles(scenario.operations, {name: operation.role for name, operation in contract_operations().items()})
    if names:
        variants = chosen(names, manifests, problems)
        for variant in variants:
            if missing := missing_roles(variant, needed):
                problems.append(
                    f"--variants: {variant.name} does not play {', '.join(missing)}, which scenario "
                    f"{scenario.name} needs; it can enter scenarios of {', '.join(variant.roles) or 'ping only'}"
                )
    else:
        variants = [variant for variant in manifests.values() if not missing_roles(variant, needed)]
    if problems:
        raise InputError("lab compare", problems)
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{scenario.name}-{secrets.token_hex(2)}"
    return Plan(run, scenario, tuple(variants), needed, QUICK_RUNG_S if quick else RUNG_S, quick, seed)


def chosen(names: str, manifests: Mapping[str, Manifest], problems: list[str]) -> list[Manifest]:
    """The manifests named, in that order; a problem for each name that is unknown or said twice."""
    variants: list[Manifest] = []
    for name in filter(None, (name.strip() for name in names.split(","))):
        if name not in manifests:
            problems.append(f"--variants: there is no {name}; there are {', '.join(sorted(manifests))}")
        elif manifests[name] in variants:
            problems.append(f"--variants: {name} is named twice")
        else:
            variants.append(manifests[name])
    return variants


def show(console: Console, summary: Summary, folder: Path) -> None:
    console.print()
    console.print(result_table(summary))
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
