"""`lab contract`: what it prints, and its exit codes."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lab.cli.contract import contract_command
from lab.contract.client import Client, Request
from lab.errors import InputError
from tests.contract.reference_server import serving
from tests.contract.reference_service import KEY, Answer, Shop
from tests.contract.reference_service import Request as Received
from tests.ports import free_port


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_bytes(KEY)
    return file


def run(*arguments: object) -> Result:
    return CliRunner().invoke(contract_command, ["--seed", "1", *map(str, arguments)], standalone_mode=False)


def test_a_service_that_keeps_the_contract() -> None:
    with serving(Shop("ping", "")) as url:
        result = run(url, "--role", "ping")
    assert result.return_value == 0
    assert "The contract is kept" in result.stdout
    assert "(seed 1)" in result.stdout
    assert "not run  /livez and /readyz" in result.stdout


class _SaysOK(Shop):
    def ping(self, request: Received) -> Answer:
        return 200, {"status": "OK"}, {}


def test_a_service_that_breaks_it(key_file: Path) -> None:
    with serving(_SaysOK("ping", "")) as url:
        result = run(url, "--role", "ping", "--jwt-key-file", key_file)
    assert result.return_value == 1
    assert (
        f"repeat    curl -sSi -g --path-as-is -X GET -H 'Accept: application/json, application/problem+json' {url}/ping"
        in result.stdout
    )


def test_all_wrong_input_is_named_at_once(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    short = tmp_path / "short"
    short.write_bytes(b"short")
    result = run(nowhere, "--role", "cook", "--jwt-key-file", short, "--fake-catalog", "here", "--metrics-url", "no")
    assert isinstance(result.exception, InputError)
    problems = "\n".join(result.exception.problems)
    for part in (
        "has 5 bytes",
        "'here' is not HOST:PORT",
        "'cook' is none of",
        f"{nowhere} does not answer",
        "'no' is not",
    ):
        assert part in problems


WRONG = [
    ("no key file", ["--role", "ping", "--jwt-key-file", "/nowhere/key"], "cannot read /nowhere/key"),
    ("an operation of another role", ["--role", "ping", "--operation", "getProduct"], "'getProduct' is none of ping's"),
    ("a catalog for the catalog", ["--role", "catalog", "--fake-catalog", "127.0.0.1:1"], "only the role orders"),
]


@pytest.mark.parametrize(("arguments", "problem"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_input(arguments: list[str], problem: str, key_file: Path) -> None:
    given = arguments if "--jwt-key-file" in arguments else [*arguments, "--jwt-key-file", key_file]
    with serving(Shop("ping", "")) as url:
        result = run(url, *given)
    assert isinstance(result.exception, InputError)
    assert problem in str(result.exception)


def test_a_role_that_takes_tokens_needs_the_key() -> None:
    with serving(Shop("catalog", "")) as url:
        result = run(url, "--role", "catalog")
    assert isinstance(result.exception, InputError)
    assert result.exception.problems == ("--jwt-key-file: missing; operations of this role need a token",)


def test_a_fake_catalog_that_cannot_be_served(key_file: Path) -> None:
    with serving(Shop("orders", "")) as url:
        taken = url.removeprefix("http://")
        result = run(url, "--role", "orders", "--jwt-key-file", key_file, "--fake-catalog", taken)
    assert isinstance(result.exception, InputError)
    assert f"cannot serve at {taken}" in str(result.exception)


def test_without_a_fake_catalog_its_cases_are_not_run_by_name(key_file: Path) -> None:
    with serving(Shop("catalog", "")) as catalog_url, serving(Shop("orders", catalog_url)) as url:
        result = run(
            url, "--role", "orders", "--jwt-key-file", key_file, "--operation", "placeOrder", "--operation", "setStock"
        )
    assert result.return_value == 0, result.stdout
    assert "not run  placeOrder: currencies that differ are refused (needs --fake-catalog)" in result.stdout


REPEATED = [
    (
        "text",
        Request("", "POST", "/products?q=a'b", (("Content-Type", "application/json"),), b'{"a": "it\'s \xc3\xa4"}'),
    ),
    ("bytes", Request("", "POST", "/products", (("Content-Type", "application/json"),), b"\x00\xff\r\n")),
    ("a long body", Request("", "PUT", "/products/1", (("Content-Type", "application/json"),), b"{}".ljust(65_537))),
    ("chunked", Request("", "POST", "/products", (("Content-Type", "application/json"),), b"{}", chunked=True)),
    ("no body", Request("", "POST", "/products", (("Content-Type", "application/json"),))),
    ("no media type", Request("", "POST", "/products", (), b"{}")),
    ("HEAD", Request("", "HEAD", "/products")),
]


class _Recording(Shop):
    """Keeps what it was sent; `received` is the last request."""

    received: object = None

    def answer(self, request: Received) -> Answer:
        length = request.headers.get("Content-Length")
        body = request.content(int(length)) if length else b""
        names = ("Content-Type", "Transfer-Encoding", "Authorization")
        headers = tuple((name, request.headers.get(name)) for name in names)
        self.received = (request.method, request.path, request.query, headers, length, body)
        return 200, {}, {}


@pytest.mark.parametrize("request_", [row[1] for row in REPEATED], ids=[row[0] for row in REPEATED])
def test_the_printed_command_repeats_the_request(request_: Request) -> None:
    shop = _Recording("ping", "")
    with serving(shop) as url:
        client = Client(url)
        client.send(request_)
        client.close()
        sent = shop.received
        shop.received = None
        subprocess.run(["/bin/bash", "-c", request_.curl(url)], check=True, capture_output=True, timeout=10)
        assert shop.received == sent


def test_tokens_in_commands_hold_for_an_hour() -> None:
    from shop.tokens import require_scope

    from lab.contract.tokens import Tokens

    require_scope(Tokens(KEY, lambda: time.time() - 3500).bearer("orders:write"), "orders:write", KEY)
