"""`lab contract --telemetry`: what it prints, and its exit codes."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from lab.cli.contract import contract_command
from lab.contract import telemetry
from lab.errors import InputError
from tests.contract.reference_server import serving
from tests.contract.reference_service import Shop
from tests.ports import free_url
from tests.telemetry.telling import Telling, telling


@pytest.fixture(autouse=True)
def _time_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """This service tells at once."""
    for name, seconds in (("COUNTED_WITHIN_S", 0.05), ("RECEIVED_WITHIN_S", 0.3), ("QUIET_S", 0.05)):
        monkeypatch.setattr(telemetry, name, seconds)


def run(url: str, *arguments: str) -> Result:
    command = [url, "--role", "ping", "--seed", "1", *arguments]
    return CliRunner().invoke(contract_command, command, standalone_mode=False)


def address(url: str) -> str:
    return url.removeprefix("http://")


def test_a_service_that_tells_all() -> None:
    otlp_url = free_url()
    with telling(Telling("ping", "", otlp_url)) as (url, metrics_url):
        result = run(url, "--telemetry", "--metrics-url", metrics_url, "--otlp", address(otlp_url))
    assert result.return_value == 0, result.stdout
    assert "The contract is kept" in result.stdout
    assert "Telemetry: Nothing is lacking: " in result.stdout


def test_a_service_without_telemetry() -> None:
    """Each lack at once, with the command to repeat it."""
    with serving(Shop("ping", "")) as url:
        result = run(url, "--telemetry", "--metrics-url", url, "--otlp", address(free_url()))
    assert result.return_value == 1
    assert f"found     {url}/metrics: status 404" in result.stdout
    assert f"repeat    curl -sSi -g --path-as-is -X GET -H 'Accept: text/plain' {url}/metrics" in result.stdout
    assert "one server span, child of the span that the request's traceparent names" in result.stdout


def test_without_a_receiver_traces_are_not_run() -> None:
    with telling(Telling("ping", "", free_url())) as (url, metrics_url):
        result = run(url, "--telemetry", "--metrics-url", metrics_url)
    assert "not run  telemetry: traces (needs --otlp)" in result.stdout


WRONG = [
    ("no metrics", ["--telemetry"], "--telemetry: needs --metrics-url"),
    ("a receiver for nothing", ["--otlp", "127.0.0.1:4318"], "--otlp: only --telemetry receives traces"),
    ("a receiver nowhere", ["--telemetry", "--otlp", "here"], "--otlp: 'here' is not HOST:PORT"),
]


@pytest.mark.parametrize(("arguments", "problem"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_input(arguments: list[str], problem: str) -> None:
    with serving(Shop("ping", "")) as url:
        result = run(url, *arguments)
    assert isinstance(result.exception, InputError)
    assert problem in result.exception.problems[0] or problem in result.exception.problems[-1]


def test_a_receiver_that_cannot_be_had() -> None:
    with serving(Shop("ping", "")) as url:
        result = run(url, "--telemetry", "--metrics-url", url, "--otlp", address(url))
    assert isinstance(result.exception, InputError)
    assert f"cannot serve at {address(url)}" in str(result.exception)
