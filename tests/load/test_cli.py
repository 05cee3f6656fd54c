"""`lab load` as a person uses it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.cli.load import load_command
from lab.errors import InputError, RuntimeFailure
from tests.load.orders import Orders
from tests.load.server import Answer, Server, reply
from tests.polling import until

Serve = Callable[[Answer], Server]


def run(*arguments: object) -> int:
    code: int = load_command.main([str(argument) for argument in arguments], standalone_mode=False)
    return code


PROBLEMS: list[tuple[str, list[str], list[str]]] = [
    # case                      arguments                               problems
    (
        "everything at once",
        ["https://a", "--rate", "0", "--duration", "-1", "--json", "/no/such/file"],
        [
            "https://a: not an http:// address; for example  http://127.0.0.1:8000",
            "--rate: 0 is not above 0",
            "--duration: -1 is not above 0 and at most 3600 seconds",
            "--json: /no/such is not a folder that can be written to",
        ],
    ),
    (
        "too many requests",
        ["http://127.0.0.1", "--rate", "1000", "--duration", "600"],
        ["--duration: 600000 requests are more than 300000; load for a shorter time"],
    ),
    (
        "writes need a key",
        ["http://127.0.0.1", "--scenario", "checkout"],
        ["--jwt-key-file: missing; placeOrder, moveOrder need a token"],
    ),
    (
        "a role without address, one unknown",
        ["catalog=http://127.0.0.1", "--scenario", "mixed", "--jwt-key-file", "/no/key"],
        [
            "orders: missing; for example  orders=http://127.0.0.1:8000",
            "--jwt-key-file: cannot read /no/key: No such file or directory",
        ],
    ),
    (
        "a rate for streams, and no number of them",
        ["http://127.0.0.1", "--scenario", "stream", "--rate", "5", "--streams", "-1"],
        [
            "--rate: stream has streams for its workload; say how many with --streams",
            "--streams: -1 is below 0",
            "--jwt-key-file: missing; placeOrder, moveOrder need a token",
        ],
    ),
    (
        "streams where there are none",
        ["http://127.0.0.1", "--streams", "5"],
        ["--streams: ping has none"],
    ),
    (
        "roles mixed up",
        ["catalog=http://127.0.0.1", "ordes=http://127.0.0.1", "http://127.0.0.1", "--scenario", "browse"],
        [
            "ordes=http://127.0.0.1: browse has no request to ordes; it needs catalog",
            "http://127.0.0.1: of several addresses, each needs its role; for example  catalog=http://127.0.0.1",
        ],
    ),
]


@pytest.mark.parametrize(("arguments", "problems"), [c[1:] for c in PROBLEMS], ids=[c[0] for c in PROBLEMS])
def test_problems(arguments: list[str], problems: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        run(*arguments)
    assert list(refused.value.problems) == problems


def test_nothing_listens() -> None:
    with pytest.raises(
        RuntimeFailure, match=r"cannot connect to http://127\.0\.0\.1:1: Connection refused; is the service up"
    ):
        run("http://127.0.0.1:1")


def test_measures(serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = serve(lambda seen: reply())
    written = tmp_path / "out.json"

    code = run(server.url, "--rate", 100, "--duration", 0.5, "--json", written)

    document = json.loads(written.read_text())
    printed = capsys.readouterr()
    assert code == (1 if document["void"] else 0)
    assert document["measurement"]["answered"] == 50
    assert document["urls"] == {"ping": server.url}
    assert "100 requests per second for 0.5 s" in printed.err
    assert "latency p99" in printed.out


def test_streams(serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    server = serve(Orders(room=3))

    run(server.url, "--scenario", "stream", "--streams", 5, "--duration", 0.8, "--jwt-key-file", key)

    printed = capsys.readouterr()
    assert "5 streams and 100 requests per second beside for 0.8 s" in printed.err
    assert "streams          3 of 5 held, 2 refused" in printed.out
    assert "events           3, after p50" in printed.out


def test_ctrl_c_says_what_was_measured_and_leaves_nothing(serve: Serve) -> None:
    server = serve(lambda seen: reply())
    script = "import sys; from lab.cli.load import load_command; sys.exit(load_command.main(standalone_mode=False))"
    arguments = [server.url, "--rate", "100", "--duration", "60"]
    with subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until(lambda: len(server.seen) > 20, 10, "requests arrive")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    counted = re.search(r"^requests +(\d+)", out, re.MULTILINE)

    assert process.returncode == 130
    assert "void: interrupted after" in out
    # Those that were under way are not counted: at most one on each of 10 connections.
    assert counted
    assert len(server.seen) - 10 <= int(counted[1]) <= len(server.seen)
