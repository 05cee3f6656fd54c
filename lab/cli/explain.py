"""`lab explain`: why a service has the replicas that it has."""

from __future__ import annotations

import json
import os

import click
from rich.console import Console

from lab.cli import clusters
from lab.cli.runtime import cluster
from lab.core.objects import Object
from lab.errors import InputError, RuntimeFailure
from lab.report.explain import explained
from lab.runtimes.local import client
from lab.runtimes.supervision.place import lab_directory


@click.command("explain")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="The autoscaler's whole status, for machines.")
def explain_command(name: str, as_json: bool) -> None:
    """Show what the autoscaler of the service NAME decided last, from what, and all of the last ten minutes.

    On a cluster NAME may be the HTTPAutoscaler's own.
    """
    place = cluster()
    status = clusters.autoscaler_status(place, name) if place else _local_status(name)
    if as_json:
        click.echo(json.dumps(status, indent=2, ensure_ascii=False))
    elif status:
        Console().print(explained(name, status))
    else:
        click.echo(f"Nothing was decided yet for {name}.")


def _local_status(name: str) -> Object:
    """Empty before the first decision."""
    found = client.require(lab_directory(os.environ)).ask("status")["services"]
    services = {service["name"]: service["autoscaler"] for service in found}
    if name not in services:
        there = f"there are {', '.join(services)}" if services else "none runs"
        raise InputError("the service's name", [f"there is no {name}; {there}"])
    status: Object | None = services[name]
    if status is None:
        raise RuntimeFailure(f"{name} has no autoscaler; for one: lab down, then lab up --autoscale")
    return status
