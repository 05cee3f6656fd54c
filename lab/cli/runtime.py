"""`lab status`, `scale`, `kill`, `logs`, `down`, `seed`: what can be done with a lab that stays, wherever it is."""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from lab import seeding
from lab.cli import clusters
from lab.cli.main import INTERRUPTED
from lab.errors import RuntimeFailure
from lab.runtimes.kubernetes import place as cluster_place
from lab.runtimes.local import client
from lab.runtimes.local.following import follow, show
from lab.runtimes.supervision.place import Place, lab_directory
from lab.runtimes.supervision.protocol import Document


@click.command("status")
def status_command() -> None:
    """Show services, replicas, and where everything is."""
    if place := cluster():
        clusters.show_status(place)
        return
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
    if place := cluster():
        clusters.scale(place, service, replicas)
    else:
        client.require(lab_directory(os.environ)).ask("scale", name=service, replicas=replicas)
    click.echo(f"{service}: {replicas}")


@click.command("kill")
@click.argument("replica")
def kill_command(replica: str) -> None:
    """Kill REPLICA, as a crash would; it is noticed and started again."""
    require_local(lab_directory(os.environ)).ask("kill", replica=replica)
    click.echo(f"Killed {replica}; see lab status.")


@click.command("logs")
@click.argument("service")
@click.option("--follow", "-f", "following", is_flag=True, help="Go on until interrupted.")
def logs_command(service: str, following: bool) -> int:
    """Show what the replicas of SERVICE wrote; also postgresql, valkey, autoscaler, or one replica, by its name.

    After lab down the last lab's are still there on the runtime local; on a cluster they are gone with it.
    """
    try:
        if place := cluster():
            return clusters.show_logs(place, service, following)
        (follow if following else show)(Place(lab_directory(os.environ), Path()).logs, service, click.echo)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


@click.command("down")
def down_command() -> None:
    """End the lab, on whichever runtime it is, or what is left of it; the kind cluster too."""
    directory = lab_directory(os.environ)
    ended = client.down(directory)
    place = cluster_place.Place.read(directory)
    if place:
        click.echo(clusters.end(place, directory))
    if ended:
        click.echo(f"Ended the lab in {directory}.")
    elif not place:
        click.echo(f"No lab is up in {directory}.")


@click.command("seed")
@click.argument("database_url")
def seed_command(database_url: str) -> None:
    """Fill the migrated tables in DATABASE_URL with the shop's first rows."""
    seeding.seed(database_url)
    click.echo("Seeded.")


def require_local(directory: Path) -> client.Client:
    """The lab's supervisor; RuntimeFailure where there is none, or the lab is on a cluster."""
    found = client.find(directory)
    if not found and cluster_place.Place.read(directory):
        raise RuntimeFailure("the lab is on a cluster, and this command is of the runtime local; see lab status")
    return found or client.require(directory)


def cluster() -> cluster_place.Place | None:
    """Where the lab is when none is up on this machine's own processes."""
    directory = lab_directory(os.environ)
    return None if client.find(directory) else cluster_place.Place.read(directory)


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
