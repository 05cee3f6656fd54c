"""`lab up`, `status`, `scale`, `logs`, `down`, `seed`: a lab that stays, and what can be done with it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from lab import seeding
from lab.cli.main import INTERRUPTED
from lab.core.deployment import Service
from lab.core.stacks import Stack, parse_stacks, stack_of
from lab.core.telemetry import Mode, Telemetry
from lab.engine.start import Names, start
from lab.errors import InputError, RuntimeFailure
from lab.runtimes.local import LocalRuntime, client, lasting_lab
from lab.runtimes.local.following import follow, show
from lab.runtimes.supervision.place import Place, lab_directory
from lab.runtimes.supervision.protocol import Document
from lab.tree import SERVICES
from lab.variants import load_manifests

AT_ONCE = 4


@click.command("up")
@click.option("--variants", "names", default="", help="Names, separated by commas; all that there are if not given.")
@click.option("--stack", "stack", default="", help="One variant for all roles, or ROLE=NAME,ROLE=NAME.")
@click.option("--replicas", type=click.IntRange(1), default=1, show_default=True, help="Of each service.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Of the first service; the next ones follow. [default: free ports]"
)
@click.option(
    "--telemetry",
    "telemetry_name",
    default=Mode.OFFICIAL.value,
    show_default=True,
    help="off, metrics, official, or official-5 to trace 5 % of requests.",
)
@click.option("--services", "folders", type=click.Path(path_type=Path), multiple=True, help="More folders of variants.")
@click.option("--foreground", is_flag=True, help="Stay, and end everything with Ctrl-C.")
def up_command(
    names: str,
    stack: str,
    replicas: int,
    port: int | None,
    telemetry_name: str,
    folders: tuple[Path, ...],
    foreground: bool,
) -> None:
    """Start PostgreSQL, Valkey and the shop's services, and leave them up."""
    telemetry = _telemetry(telemetry_name)
    stacks = _stacks(names, stack, (SERVICES, *folders))
    services = sum(len(stack.players) for stack in stacks)
    if port and port + services > 65536:
        raise InputError("--port", [f"{services} services from {port} on would need ports above 65535"])
    directory = lab_directory(os.environ)
    if client.find(directory):
        click.echo(f"A lab is up in {directory} already. See lab status; end it with lab down.")
        return
    begun = time.monotonic()

    def step(text: str) -> None:
        click.echo(f"{time.monotonic() - begun:5.1f} s  {text}")

    with lasting_lab(step, directory) as runtime:
        versions = ", ".join(f"{name} {version}" for name, version in runtime.facts().components.items())
        step(f"{versions}: ready; {runtime.facts().pinning}")
        traced = telemetry.mode is Mode.OFFICIAL
        otlp_url = runtime.receive(Place(directory, Path()).spans) if traced else ""
        pool = ThreadPoolExecutor(max_workers=AT_ONCE)
        try:
            ports = iter(range(port, 65536)) if port else None
            numbered = [{role: next(ports) if ports else 0 for role in stack.players} for stack in stacks]
            starts = [
                pool.submit(_start, stack, replicas, chosen, telemetry, otlp_url, runtime, step)
                for stack, chosen in zip(stacks, numbered, strict=True)
            ]
            _results(starts)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # what still starts ends with the supervisor
        if traced:
            click.echo("Requests are traced: see lab traces.")
        if foreground:
            click.echo("See lab status; end it with Ctrl-C.")
            signal.pause()
    click.echo("See lab status; end it with lab down.")


@click.command("status")
def status_command() -> None:
    """Show services, replicas, and where PostgreSQL and Valkey are."""
    status = client.require(lab_directory(os.environ)).ask("status")
    console = Console()
    console.print(_services_table(status))
    for server in status["servers"]:
        console.print(
            f"{server['name']} {server['version']}  {_state(server)}  {server['url']}", highlight=False, soft_wrap=True
        )
    for receiver in status["receivers"]:
        console.print(
            f"{receiver['name']}  {_state(receiver)}  {receiver['url']}  spans in {receiver['store']}",
            highlight=False,
            soft_wrap=True,
        )


@click.command("scale")
@click.argument("service")
@click.argument("replicas", type=click.IntRange(0))
def scale_command(service: str, replicas: int) -> None:
    """Run REPLICAS replicas of SERVICE; returns when all are ready, or have ended."""
    client.require(lab_directory(os.environ)).ask("scale", name=service, replicas=replicas)
    click.echo(f"{service}: {replicas}")


@click.command("kill")
@click.argument("replica")
def kill_command(replica: str) -> None:
    """Kill REPLICA, as a crash would; it is noticed and started again."""
    client.require(lab_directory(os.environ)).ask("kill", replica=replica)
    click.echo(f"Killed {replica}; see lab status.")


@click.command("logs")
@click.argument("service")
@click.option("--follow", "-f", "following", is_flag=True, help="Go on until interrupted.")
def logs_command(service: str, following: bool) -> int:
    """Show what the replicas of SERVICE wrote; also postgresql, valkey, or one replica. The last lab's, after down."""
    logs = Place(lab_directory(os.environ), Path()).logs
    try:
        (follow if following else show)(logs, service, click.echo)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


@click.command("down")
def down_command() -> None:
    """End the lab, or what is left of one whose supervisor was killed."""
    directory = lab_directory(os.environ)
    ended = client.down(directory)
    click.echo(f"Ended the lab in {directory}." if ended else f"No lab is up in {directory}.")


@click.command("seed")
@click.argument("database_url")
def seed_command(database_url: str) -> None:
    """Fill the migrated tables in DATABASE_URL with the shop's first rows."""
    seeding.seed(database_url)
    click.echo("Seeded.")


def _telemetry(name: str) -> Telemetry:
    try:
        return Telemetry.parse(name)
    except ValueError as error:
        raise InputError("--telemetry", [str(error)]) from None


def _stacks(names: str, hybrid: str, folders: Sequence[Path]) -> list[Stack]:
    manifests = load_manifests(folders)
    if names and hybrid:
        raise InputError("lab up", ["--variants and --stack exclude each other"])
    if names or hybrid:
        return parse_stacks(names, [hybrid] if hybrid else [], manifests)
    return [stack_of(manifest) for manifest in manifests.values()]


def _start(
    stack: Stack,
    replicas: int,
    ports: Mapping[str, int],
    telemetry: Telemetry,
    otlp_url: str,
    runtime: LocalRuntime,
    step: Callable[[str], None],
) -> None:
    def told(service: Service) -> None:
        slowest = max(replica.ready_s for replica in service.replicas)
        step(f"{service.name}: {service.url}, ready {slowest:.2f} s after its start")

    names = Names(
        service=lambda role: f"{stack.players[role].name}-{role}",
        database=lambda variant: f"{variant.name}-up",
    )
    start(
        stack,
        stack.players,
        names,
        runtime,
        replicas=replicas,
        telemetry=telemetry,
        otlp_url=otlp_url,
        port_of=ports.__getitem__,
        on_start=told,
    )


def _results(starts: Sequence[Future[None]]) -> None:
    """Raises every failure at once."""
    failures = [str(error) for one in starts if isinstance(error := one.exception(), RuntimeFailure)]
    for one in starts:
        if not isinstance(one.exception(), RuntimeFailure):
            one.result()
    if failures:
        raise RuntimeFailure("\n".join(failures))


def _state(process: Document) -> str:
    return f"pid {process['pid']}" if process["alive"] else f"ended: see lab logs {process['name']}"


def _services_table(status: Document) -> Table:
    """A row for each replica, narrow enough for 80 columns."""
    table = Table(
        "replica", "state", "restarts", "url", "health", "pids", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for service in status["services"]:
        if not service["replicas"]:
            table.add_row(f"{service['name']}: none", "", "", service["url"])
        for replica, phase in zip(service["replicas"], service["phases"], strict=True):
            health_port = replica["metrics_url"].rpartition(":")[2]
            pids = " ".join(map(str, replica["pids"]))
            table.add_row(replica["id"], phase, str(replica["restarts"]), service["url"], health_port, pids)
    return table
