"""`lab load`: open-loop load on services that run already."""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from shop.settings import TOKEN_KEY_MIN_BYTES
from shop.tokens import WRITE_SCOPES, mint

from lab.core.manifest import PING_ROLE
from lab.core.measurement import Answers, Measurement, StreamsSeen, kinds, missed_objectives, void_reasons
from lab.core.roles import ANY_ROLE
from lab.core.scenario import Scenario
from lab.errors import InputError
from lab.load import target
from lab.load.generator import WorkerGenerator
from lab.ports import Load
from lab.scenarios import load_scenario
from lab.tree import contract_operations
from lab.workers import wire
from lab.workers.loads import Generator

REQUESTS_MAX = 300_000  # all are made before the first leaves, at about 50 µs and 0.5 KB each
DURATION_MAX_S = 3600.0
TOKEN_SPARE_S = 600
VOID = 1
INTERRUPTED = 130

_ROLE_URL = re.compile(r"([a-z]+)=(.*)")


@click.command("load")
@click.argument("targets", nargs=-1, required=True, metavar="URL | ROLE=URL...")
@click.option("--rate", type=float, help="Requests per second.  [default: the scenario's]")
@click.option("--streams", type=int, help="Open streams, of a scenario with streams.  [default: its highest level]")
@click.option("--duration", type=float, default=10.0, show_default=True, help="Seconds.")
@click.option("--scenario", "name", default="ping", show_default=True, help="Its name, or the path of a .yaml file.")
@click.option(
    "--allow-host", "allowed_hosts", multiple=True, help="A host that may be loaded; this machine always may."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed sends the same requests.")
@click.option("--jwt-key-file", "key_file", type=click.Path(path_type=Path), help="Token key, needed for writes.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Where to write the measurement.")
def load_command(
    targets: Sequence[str],
    rate: float | None,
    streams: int | None,
    duration: float,
    name: str,
    allowed_hosts: Sequence[str],
    seed: int,
    key_file: Path | None,
    json_file: Path | None,
) -> int:
    """Put open-loop load on running services, and say what came back.

    Requests leave on schedule, whether or not earlier ones were answered, and latency counts from the schedule. One URL
    stands for all roles; several are named:

    \b
      lab load catalog=http://127.0.0.1:8001 orders=http://127.0.0.1:8002 \\
        --scenario mixed

    What a scenario has beside its workload is sent too, at the scenario's rate.
    """
    scenario = load_scenario(name)
    urls, problems = _urls(targets, scenario)
    problems += [problem for url in dict.fromkeys(urls.values()) for problem in target.problems(url, allowed_hosts)]
    problems += _workload_problems(scenario, rate, streams)
    rate = scenario.rate_per_s if rate is None else rate
    beside = scenario.beside.rate_per_s if scenario.beside else 0.0
    if scenario.streams and scenario.beside and streams is None:
        streams = scenario.beside.levels[-1]
    problems += _schedule_problems(rate + beside, duration)
    token, token_problems = _token(scenario, key_file, duration)
    problems += token_problems
    if json_file and not (json_file.parent.is_dir() and os.access(json_file.parent, os.W_OK)):
        problems.append(f"--json: {json_file.parent} is not a folder that can be written to")
    if problems:
        raise InputError("lab load", problems)

    planned = Load(scenario, urls, "lab load", rate, duration, seed, token, streams or 0, beside)
    voids = []
    with WorkerGenerator() as generator:
        try:
            measurement = _run(generator, planned)
        except KeyboardInterrupt:
            measurement = generator.interrupt()
            voids.append(f"interrupted after {measurement.duration_s:.1f} of {duration:g} s")
    exit_code = INTERRUPTED if voids else 0
    voids += void_reasons(measurement, scenario.slo)
    _show(measurement, scenario, voids)
    if json_file:
        document = {"scenario": scenario.name, "urls": urls, "seed": seed, "void": voids}
        document["measurement"] = wire.measurement_document(measurement)
        json_file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return exit_code or (VOID if voids else 0)


def _urls(targets: Sequence[str], scenario: Scenario) -> tuple[dict[str, str], list[str]]:
    """The URL of each role that the scenario needs, and what is wrong with how they were given."""
    known = contract_operations()
    asked = dict.fromkeys(request.role or known[request.operation].role for request in scenario.sent)
    needed = [role for role in asked if role != ANY_ROLE] or [PING_ROLE]
    if len(targets) == 1 and not _ROLE_URL.fullmatch(targets[0]):
        return dict.fromkeys(needed, targets[0]), []
    urls: dict[str, str] = {}
    problems = []
    for given in targets:
        match = _ROLE_URL.fullmatch(given)
        if match is None:
            problems.append(f"{given}: of several addresses, each needs its role; for example  {needed[0]}={given}")
        elif match[1] not in needed:
            problems.append(f"{given}: {scenario.name} has no request to {match[1]}; it needs {', '.join(needed)}")
        elif match[1] in urls:
            problems.append(f"{given}: {match[1]} has an address already")
        else:
            urls[match[1]] = match[2]
    if not problems:
        problems = [
            f"{role}: missing; for example  {role}=http://127.0.0.1:8000" for role in needed if role not in urls
        ]
    return urls, problems


def _workload_problems(scenario: Scenario, rate: float | None, streams: int | None) -> list[str]:
    problems = []
    if rate is not None and scenario.streams:
        problems.append(f"--rate: {scenario.name} has streams for its workload; say how many with --streams")
    elif rate is not None and not 0 < rate < math.inf:
        problems.append(f"--rate: {rate:g} is not above 0")
    if streams is not None and not scenario.streams:
        problems.append(f"--streams: {scenario.name} has none")
    elif streams is not None and streams < 0:
        problems.append(f"--streams: {streams} is below 0")
    return problems


def _schedule_problems(rate: float, duration: float) -> list[str]:
    problems = []
    if not 0 < duration <= DURATION_MAX_S:
        problems.append(f"--duration: {duration:g} is not above 0 and at most {DURATION_MAX_S:g} seconds")
    if not problems and rate * duration > REQUESTS_MAX:
        problems.append(
            f"--duration: {rate * duration:.0f} requests are more than {REQUESTS_MAX}; load for a shorter time"
        )
    return problems


def _token(scenario: Scenario, key_file: Path | None, duration: float) -> tuple[str, list[str]]:
    """A token that outlives the load, where the scenario needs one, and what is wrong with its key."""
    known = contract_operations()
    sent = dict.fromkeys(request.operation for request in scenario.sent)
    writes = [operation for operation in sent if known[operation].scope]
    if not writes:
        return "", []
    if key_file is None:
        return "", [f"--jwt-key-file: missing; {', '.join(writes)} need a token"]
    try:
        key = key_file.read_bytes()
    except OSError as error:
        return "", [f"--jwt-key-file: cannot read {key_file}: {error.strerror}"]
    if len(key) < TOKEN_KEY_MIN_BYTES:
        return "", [f"--jwt-key-file: {key_file} has {len(key)} bytes; at least {TOKEN_KEY_MIN_BYTES}"]
    return mint(key, WRITE_SCOPES, time.time(), int(min(duration, DURATION_MAX_S)) + TOKEN_SPARE_S), []


def _run(generator: Generator, planned: Load) -> Measurement:
    console = Console(stderr=True)
    streams = f"{planned.streams} streams"
    workload = streams if planned.scenario.streams else f"{planned.rate_per_s:g} requests per second"
    beside = f" and {planned.beside_per_s:g} requests per second beside" if planned.beside_per_s else ""
    told = f"{planned.scenario.title}: {workload}{beside} for {planned.duration_s:g} s"
    console.print(told, highlight=False, soft_wrap=True)
    columns = (BarColumn(), TextColumn("{task.percentage:.0f} %{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=planned.duration_s)
        start = time.monotonic()

        def tick() -> None:
            until_now = generator.progress
            told = f", {until_now.completed} requests completed, {until_now.failed} of them failed"
            progress.update(task, completed=time.monotonic() - start, description=told)

        return generator.run(planned, tick)


def _show(measurement: Measurement, scenario: Scenario, voids: Collection[str]) -> None:
    console = Console()
    columns: dict[str, Answers | Measurement] = {scenario.name: measurement} if scenario.requests else {}
    if measurement.beside:
        columns["beside"] = measurement.beside
    table = Table("", *columns, box=None, pad_edge=False)
    rows = [_rows(answers, measurement.duration_s) for answers in columns.values()]
    for label in rows[0] if rows else ():
        table.add_row(label, *(row[label] for row in rows))
    for label, value in _trial_rows(measurement).items():
        table.add_row(label, value)
    console.print(table)
    for reason in voids:
        console.print(f"void: {reason}", highlight=False, soft_wrap=True)
    if not voids:
        missed = missed_objectives(measurement, scenario.slo)
        slo = f"p99 at most {scenario.slo.p99_ms:g} ms, at most {scenario.slo.error_share:.2%} failed"
        console.print(f"SLO ({slo}): {'; '.join(missed) or 'held'}", highlight=False, soft_wrap=True)


def _rows(answers: Answers | Measurement, duration_s: float) -> Mapping[str, str]:
    answered_per_s = answers.answered / duration_s if duration_s else 0.0
    return {
        "requests": str(answers.scheduled),
        "answered": f"{answers.answered} ({answered_per_s:.1f}/s)",
        "failed": _failed(answers.errors),
        "sent again": str(answers.retried),
        **{f"latency {name}": f"{value:.2f} ms" for name, value in answers.latency_ms.items()},
    }


def _trial_rows(measurement: Measurement) -> Mapping[str, str]:
    return {
        **(_stream_rows(measurement.streams) if measurement.streams else {}),
        "left late (p99)": f"{measurement.schedule_lag_p99_s * 1000:.2f} ms",
        "generator CPU": f"{measurement.generator_cpu_share:.0%} of a core",
        "steal": f"{measurement.steal_share:.1%}",
        "connections": str(len(measurement.requests_by_connection)),
    }


def _stream_rows(streams: StreamsSeen) -> Mapping[str, str]:
    delays = ", ".join(f"{name} {value:.2f} ms" for name, value in (streams.event_delay_ms or {}).items())
    return {
        "streams": f"{streams.held} of {streams.wanted} held, {streams.refused} refused",
        "streams failed": _failed(streams.errors),
        "events": f"{streams.events}{f', after {delays}' if delays else ''}",
    }


def _failed(errors: Mapping[str, int]) -> str:
    return f"{sum(errors.values())}{f': {kinds(errors)}' if errors else ''}"
