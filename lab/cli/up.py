"""`lab up`: the shop's services on either kind of runtime, to stay until `lab down`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import click
from scaler.spec import Spec

from lab.cli.choosing import Choice, choose, runtime_options
from lab.cli.labs import interruptible, place_of, platform_of
from lab.core.deployment import SMALL, Resources, Service
from lab.core.pinning import divide
from lab.core.stacks import Stack, parse_stacks, stack_of, variants_of
from lab.core.telemetry import Mode, Telemetry
from lab.engine.start import Names, start
from lab.errors import InputError, RuntimeFailure
from lab.ports import Runtime
from lab.runtimes.kubernetes import opening
from lab.runtimes.local import client, lasting_lab
from lab.runtimes.supervision.affinity import usable_cores
from lab.runtimes.supervision.place import Place, lab_directory
from lab.runtimes.supervision.ports import SHARED_PORTS
from lab.tree import SERVICES
from lab.variants import load_manifests

AT_ONCE = 4
# To look at, not to measure: all variants fit on two cores because next to nothing is set aside for each.
LOOKED_AT = Resources(cpu_m=SMALL.cpu_m, memory_mib=SMALL.memory_mib, reserved_cpu_m=10)

LEAST_MAX, MOST_MAX = 2, 4  # what waits is done by more replicas on one CPU too

OnStep = Callable[[str], None]


def default_bounds() -> str:
    """What --autoscale means without a value, on this machine."""
    cpus = len(divide(usable_cores()).replicas) or os.cpu_count() or 1
    return f"1-{min(max(cpus, LEAST_MAX), MOST_MAX)}"


@click.command("up")
@click.option("--variants", "names", default="", help="Names, separated by commas; all that there are if not given.")
@click.option("--stack", "stack", default="", help="One variant for all roles, or ROLE=NAME,ROLE=NAME.")
@click.option("--replicas", type=click.IntRange(1), help="Of each service.  [default: 1]")
@click.option(
    "--autoscale",
    "range_",
    is_flag=False,
    flag_value=default_bounds(),
    metavar="[MIN-MAX]",
    help=f"Scale each service by its load; on the runtime local. Without MIN-MAX, here: {default_bounds()}.",
)
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
@click.option("--foreground", is_flag=True, help="Stay, and end everything with Ctrl-C; on the runtime local.")
@runtime_options
def up_command(
    names: str,
    stack: str,
    replicas: int | None,
    range_: str | None,
    port: int | None,
    telemetry_name: str,
    folders: tuple[Path, ...],
    foreground: bool,
    **where: Any,
) -> None:
    """Start PostgreSQL, Valkey and the shop's services, and leave them up."""
    telemetry = _telemetry(telemetry_name)
    stacks = _stacks(names, stack, (SERVICES, *folders))
    services = sum(len(stack.players) for stack in stacks)
    choice = choose(**where)
    problems: list[str] = []
    bounds = _bounds(range_, problems) if range_ else None
    if port and port + services > 65536:
        problems.append(f"--port: {services} services from {port} on would need ports above 65535")
    if range_:
        problems += _not_scaled(telemetry, replicas)
    if choice.on_cluster:
        given = {"--port": port, "--foreground": foreground, "--autoscale": range_}
        problems += [f"{option}: only --runtime local has it" for option, value in given.items() if value]
    if problems:
        raise InputError("lab up", problems)
    begun = time.monotonic()

    def step(text: str) -> None:
        click.echo(f"{time.monotonic() - begun:5.1f} s  {text}")

    starting = partial(_start, replicas=bounds[0] if bounds else replicas or 1, telemetry=telemetry, step=step)
    if choice.on_cluster:
        step(f"runtime: {choice.runtime}, {choice.why}")
        _up_on_cluster(choice, stacks, starting, step)
    else:
        _up_locally(stacks, starting, port, telemetry, bounds, foreground, choice.why, step)


def _up_on_cluster(choice: Choice, stacks: Sequence[Stack], starting: Callable[..., None], step: OnStep) -> None:
    place = place_of(choice)
    variants = variants_of(stacks)
    opened = opening.opened_runtime(place, lab_directory(os.environ), variants, platform_of(choice), step)
    with interruptible(), opened as (runtime, _, otlp_url):
        _all(lambda stack: starting(stack, runtime, otlp_url=otlp_url, resources=LOOKED_AT), stacks)
    for line in opening.addresses(place):
        click.echo(line)
    click.echo("See lab status; end it with lab down.")


def _up_locally(
    stacks: Sequence[Stack],
    starting: Callable[..., None],
    port: int | None,
    telemetry: Telemetry,
    bounds: tuple[int, int] | None,
    foreground: bool,
    why: str,
    step: OnStep,
) -> None:
    directory = lab_directory(os.environ)
    if client.find(directory):
        click.echo(f"A lab is up in {directory} already. See lab status; end it with lab down.")
        return
    step(f"runtime: local, {why}")
    ports = iter(range(port, 65536)) if port else None
    numbered = {stack.name: {role: next(ports) if ports else 0 for role in stack.players} for stack in stacks}
    with lasting_lab(step, directory) as runtime:
        versions = ", ".join(f"{name} {version}" for name, version in runtime.facts().components.items())
        step(f"{versions}: ready; {runtime.facts().pinning}")
        traced = telemetry.mode is Mode.OFFICIAL
        otlp_url = runtime.receive(Place(directory, Path()).spans) if traced else ""
        _all(lambda stack: starting(stack, runtime, otlp_url=otlp_url, ports=numbered[stack.name]), stacks)
        if traced:
            click.echo("Requests are traced: see lab traces.")
        if bounds:
            for service in runtime.status()["services"]:
                runtime.autoscale(service["name"], Spec(min_replicas=bounds[0], max_replicas=bounds[1]))
            click.echo(f"Services are scaled, from {bounds[0]} to {bounds[1]} replicas: see lab explain.")
        if foreground:
            click.echo("See lab status; end it with Ctrl-C.")
            signal.pause()
    click.echo("See lab status; end it with lab down.")


def _bounds(text: str, problems: list[str]) -> tuple[int, int] | None:
    least, _, most = text.partition("-")
    if least.isdecimal() and most.isdecimal() and 1 <= int(least) <= int(most):
        return int(least), int(most)
    problems.append(f"--autoscale: {text} is not MIN-MAX, from 1 on; for example  --autoscale 1-4")
    return None


def _not_scaled(telemetry: Telemetry, replicas: int | None) -> Iterator[str]:
    """Why there can be no autoscaler."""
    if telemetry.mode is Mode.OFF:
        yield "--autoscale: nothing tells how many replicas are needed while --telemetry is off; metrics is enough"
    if replicas:
        yield "--replicas and --autoscale exclude each other; --autoscale 2-4 begins with 2"
    if not SHARED_PORTS:
        yield "--autoscale: only Linux spreads connections over replicas that share a port: one replica here"


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


def _all(start_one: Callable[[Stack], None], stacks: Sequence[Stack]) -> None:
    """Several at once; raises every failure at once. What still starts when interrupted ends with the lab."""
    pool = ThreadPoolExecutor(max_workers=AT_ONCE)
    try:
        _results([pool.submit(start_one, stack) for stack in stacks])
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _start(
    stack: Stack,
    runtime: Runtime,
    *,
    replicas: int,
    telemetry: Telemetry,
    otlp_url: str,
    step: OnStep,
    resources: Resources = SMALL,
    ports: Mapping[str, int] | None = None,
) -> None:
    def told(service: Service) -> None:
        after = [replica.ready_s for replica in service.replicas]  # none where all ended the moment they were ready
        ready = f"ready {max(after):.2f} s after its start" if after else "no replica is ready any more: see lab status"
        step(f"{service.name}: {service.url}, {ready}")

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
        resources=resources,
        port_of=lambda role: ports[role] if ports else 0,
        on_start=told,
        keep_databases=True,
    )


def _results(starts: Sequence[Future[None]]) -> None:
    """Raises every failure at once."""
    failures = [str(error) for one in starts if isinstance(error := one.exception(), RuntimeFailure)]
    for one in starts:
        if not isinstance(one.exception(), RuntimeFailure):
            one.result()
    if failures:
        raise RuntimeFailure("\n".join(failures))
