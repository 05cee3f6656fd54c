"""`lab traces` and `lab trace ID`: what requests did, from the spans that the services sent."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click
from rich.console import Console

from lab.cli.seconds import Seconds
from lab.core.trace import trace
from lab.errors import InputError
from lab.report.traces import traces_table
from lab.report.waterfall import waterfall
from lab.runtimes.supervision.place import Place, lab_directory
from lab.telemetry.store import reading

LATEST = Path("results") / "latest" / "spans.db"
SINCE_MAX_S = 366 * 86_400

_store = click.option(
    "--store",
    "named",
    type=click.Path(path_type=Path),
    help=f"A file of spans.  [default: the lab's, else {LATEST}]",
)


@click.command("traces")
@click.option("--slowest", is_flag=True, help="Slowest first; newest first if not given.")
@click.option("--variant", default="", help="Only requests that were answered by this variant.")
@click.option("--role", default="", help="Only requests that this role answered, not those it got from another role.")
@click.option("--errors", is_flag=True, help="Only requests in which something failed.")
@click.option("--since", "since_s", type=Seconds(0, SINCE_MAX_S), help="Only those of the last so many seconds.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="As many at most.")
@_store
def traces_command(
    slowest: bool, variant: str, role: str, errors: bool, since_s: float | None, limit: int, named: Path | None
) -> None:
    """List traces: what each request was, how long it took, and whether it failed."""
    path = _path(named)
    with reading(path) as reader:
        found = reader.summaries(
            slowest=slowest,
            variant=variant,
            role=role,
            errors=errors,
            limit=limit,
            since_ns=time.time_ns() - int(since_s * 1e9) if since_s is not None else 0,
        )
    if not found:
        click.echo(f"No such trace in {path}; services send theirs some seconds after the request.")
        return
    console = Console()
    console.print(traces_table(found))
    click.echo(f"From {path}. Look into one: lab trace {found[0].trace_id[:10]}")


@click.command("trace")
@click.argument("trace_id", metavar="ID")
@_store
def trace_command(trace_id: str, named: Path | None) -> None:
    """Show where the time of one request went. ID as logs and lab traces show it, or its first digits."""
    with reading(_path(named)) as reader:
        found = trace(reader.spans(trace_id))
    console = Console()
    for line in waterfall(found, console.width):
        console.print(line, soft_wrap=True)


def _path(named: Path | None) -> Path:
    """The file named, else that of the lab which is up or was up last, else that of the latest run."""
    if named:
        return named
    own = Place(lab_directory(os.environ), Path()).spans
    for path in (own, LATEST):
        if path.is_file():
            return path
    problem = f"neither {own} nor {LATEST} is there; lab up records one, --store FILE names another"
    raise InputError("the store of spans", [problem])
