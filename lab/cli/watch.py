"""`lab watch`: how the services of the lab do, live."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console, RenderableType
from rich.live import Live

from lab.cli.main import INTERRUPTED
from lab.cli.runtime import require_local
from lab.cli.seconds import Seconds
from lab.core.deployment import Usage
from lab.core.exposition import Exposition, Scrape, parse
from lab.core.telemetry import Mode
from lab.core.watch import ReplicaLook, ServiceLook, figures
from lab.errors import InputError, RuntimeFailure
from lab.report.watch import watched
from lab.runtimes.local import LocalRuntime, client
from lab.runtimes.supervision.affinity import running_on
from lab.runtimes.supervision.place import lab_directory
from lab.runtimes.supervision.protocol import Document, service_from
from lab.runtimes.supervision.replicas import Phase
from lab.scrape import scrape

EVERY_MIN_S, EVERY_MAX_S = 0.5, 3600.0
ENDS_WITHIN_S = 15.0
POLL_S = 0.1

Looks = dict[str, ServiceLook]


@click.command("watch")
@click.option("--every", type=Seconds(EVERY_MIN_S, EVERY_MAX_S), default=2.0, show_default=True, help="Seconds.")
@click.option("--once", is_flag=True, help="One table, of one such interval.")
def watch_command(every: float, once: bool) -> int:
    """Show rate, errors, latency, queues, CPU and memory of each service, until Ctrl-C or the lab's end.

    Figures are of the last interval. Where the output is no terminal, each interval prints a table of its own, so that
    a file or a pipe keeps all of them.
    """
    directory = lab_directory(os.environ)
    runtime = LocalRuntime(require_local(directory), lambda _: None)
    console = Console()
    try:
        with running_on(runtime.generator_cpus()):
            if once:
                console.print(next(_tables(runtime, every)))
            elif console.is_terminal:
                _live(console, runtime, every)
            else:
                for table in _tables(runtime, every):
                    console.print(table, "")
    except KeyboardInterrupt:
        return INTERRUPTED
    except RuntimeFailure as failure:
        _require_ended(directory, failure)
        click.echo(f"The lab in {directory} has ended.")
    return 0


def _live(console: Console, runtime: LocalRuntime, every_s: float) -> None:
    with Live("Looking ...", console=console, auto_refresh=False) as live:
        for table in _tables(runtime, every_s):
            live.update(table, refresh=True)


def _tables(runtime: LocalRuntime, every_s: float) -> Iterator[RenderableType]:
    """A table after each interval, without end."""
    due = time.monotonic()
    before = _look(runtime)
    while True:
        due = max(due + every_s, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        now = _look(runtime)
        seen = [(look, figures(before.get(look.name), look)) for look in now.values()]
        yield watched(seen, f"{datetime.now():%H:%M:%S}, the last {every_s:g} s")
        before = now


def _look(runtime: LocalRuntime) -> Looks:
    """All services by name, variant by variant."""
    services = sorted(runtime.status()["services"], key=lambda service: (service["variant"], service["role"]))
    usages = {service["name"]: _usages(runtime, service["name"]) for service in services}
    used_at_s = time.monotonic()
    measured = [service for service in services if service["telemetry"] != Mode.OFF]
    replicas = [replica for service in measured for replica in service_from(service).replicas]
    scrapes = {scrape.replica: scrape for scrape in scrape(replicas)}
    return {
        service["name"]: _service_look(service, usages[service["name"]], used_at_s, scrapes) for service in services
    }


def _service_look(
    service: Document, usages: dict[str, Usage], used_at_s: float, scrapes: dict[str, Scrape]
) -> ServiceLook:
    return ServiceLook(
        name=service["name"],
        variant=service["variant"],
        role=service["role"],
        telemetry=Mode(service["telemetry"]),
        replicas=tuple(
            ReplicaLook(
                replica=replica["id"],
                ready=phase == Phase.READY,
                used_at_s=used_at_s,
                usage=usages.get(replica["id"]),
                scraped_at_s=scrapes[replica["id"]].at_s if replica["id"] in scrapes else 0.0,
                metrics=_metrics(scrapes.get(replica["id"])),
            )
            for replica, phase in zip(service["replicas"], service["phases"], strict=True)
        ),
        decision=(service["autoscaler"] or {}).get("message", ""),
    )


def _usages(runtime: LocalRuntime, service: str) -> dict[str, Usage]:
    """By replica; none of a service that was removed a moment ago."""
    try:
        return {usage.replica: usage for usage in runtime.usage(service)}
    except InputError:
        return {}


def _metrics(scrape: Scrape | None) -> Exposition | None:
    try:
        return parse(scrape.text) if scrape else None
    except ValueError:
        return None


def _require_ended(directory: Path, failure: RuntimeFailure) -> None:
    """Waits for a lab that is ending; raises when it was killed, and `failure` when it goes on."""
    give_up = time.monotonic() + ENDS_WITHIN_S
    while client.find(directory):
        if time.monotonic() > give_up:
            raise failure
        time.sleep(POLL_S)
