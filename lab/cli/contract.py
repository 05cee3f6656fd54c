"""`lab contract`: does this service, in any language, keep the contract?"""

from __future__ import annotations

import secrets
from pathlib import Path

import click
from shop.settings import TOKEN_KEY_MIN_BYTES

from lab.contract.checker import HttpContractChecker
from lab.contract.telemetry import TelemetryReport, check_at
from lab.errors import InputError
from lab.ports import ContractReport


@click.command("contract")
@click.argument("url")
@click.option("--role", required=True, help="What the service plays: catalog, orders, recommend, or ping.")
@click.option(
    "--jwt-key-file",
    type=click.Path(path_type=Path),
    help="The file that LAB_TOKEN_KEY_FILE names for the service, where its role takes tokens.",
)
@click.option(
    "--fake-catalog",
    default="",
    metavar="HOST:PORT",
    help="Serve the catalog here, where CATALOG_URL points; cases that need it are not run otherwise.",
)
@click.option("--metrics-url", default="", help="The replica's LAB_METRICS_PORT as a URL, to check its health too.")
@click.option("--telemetry", is_flag=True, help="Check too what the service tells of itself; needs --metrics-url.")
@click.option(
    "--otlp",
    default="",
    metavar="HOST:PORT",
    help="Receive traces here, where OTEL_EXPORTER_OTLP_ENDPOINT points; traces are not checked otherwise.",
)
@click.option("--operation", "operations", multiple=True, metavar="NAME", help="Check only these; may be repeated.")
@click.option("--seed", type=int, default=None, help="Decides which requests are made up; drawn if not given.")
def contract_command(
    url: str,
    role: str,
    jwt_key_file: Path | None,
    fake_catalog: str,
    metrics_url: str,
    telemetry: bool,
    otlp: str,
    operations: tuple[str, ...],
    seed: int | None,
) -> int:
    """Check the service at URL: every behaviour that the contract documents, then requests made up from its schema.

    The service's database must hold the seed. Nothing seeded is changed, but products and orders are added.

    With --telemetry, what the service tells of itself too: nothing else may send it requests meanwhile. For traces,
    start it with LAB_TELEMETRY=official and OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:PORT, of the same HOST:PORT.
    """
    checker = HttpContractChecker(secrets.randbelow(2**31) if seed is None else seed, progress=_progress)
    problems: list[str] = []
    key = _key(jwt_key_file, problems) if jwt_key_file or checker.takes_tokens(role) else b""
    fake_catalog_url = _served_at("--fake-catalog", fake_catalog, problems)
    otlp_url = _served_at("--otlp", otlp, problems)
    if telemetry and not metrics_url:
        problems.append("--telemetry: needs --metrics-url")
    if otlp and not telemetry:
        problems.append("--otlp: only --telemetry receives traces")
    problems += checker.problems(url, role, operations, fake_catalog_url, metrics_url)
    if problems:
        raise InputError("lab contract", problems)
    told = check_at(url, role, operations, key, fake_catalog_url, metrics_url, otlp_url) if telemetry else None
    report = checker.check(url, role, operations, key, fake_catalog_url, metrics_url)
    _show(report)
    if told:
        _show_telemetry(told)
    return 1 if report.violations or (told and told.violations) else 0


def _progress(line: str) -> None:
    click.echo(line, err=True)


def _key(file: Path | None, problems: list[str]) -> bytes:
    if file is None:
        problems.append("--jwt-key-file: missing; operations of this role need a token")
        return b""
    try:
        key = file.read_bytes()
    except OSError as error:
        problems.append(f"--jwt-key-file: cannot read {file}: {error.strerror}")
        return b""
    if len(key) < TOKEN_KEY_MIN_BYTES:
        problems.append(f"--jwt-key-file: {file} has {len(key)} bytes; at least {TOKEN_KEY_MIN_BYTES}")
    return key


def _served_at(option: str, text: str, problems: list[str]) -> str:
    """The URL of an address at which the lab is to listen; empty where none is given."""
    host, _, port = text.rpartition(":")
    if text and not (host and port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        problems.append(f"{option}: {text!r} is not HOST:PORT; for example 127.0.0.1:8100")
        return ""
    return f"http://{text}" if text else ""


def _show(report: ContractReport) -> None:
    for name in report.not_run:
        click.echo(f"not run  {name}")
    for violation in report.violations:
        click.echo(f"\nVIOLATION  {violation}")
    examples, successes = sum(report.examples.values()), sum(report.successes.values())
    verdict = f"{len(report.violations)} violations" if report.violations else "The contract is kept"
    not_run = f", {len(report.not_run)} not run" if report.not_run else ""
    click.echo(
        f"\n{verdict}: {report.passed} cases passed{not_run}; "
        f"{examples} made-up requests, {successes} answered 2xx (seed {report.seed})"
    )


def _show_telemetry(report: TelemetryReport) -> None:
    click.echo()
    for name in report.not_run:
        click.echo(f"not run  telemetry: {name}")
    for violation in report.violations:
        click.echo(f"\nVIOLATION  telemetry: {violation}")
    verdict = f"{len(report.violations)} violations" if report.violations else "Nothing is lacking"
    not_run = f", {len(report.not_run)} not run" if report.not_run else ""
    click.echo(f"Telemetry: {verdict}: {report.passed} checks passed{not_run}")
