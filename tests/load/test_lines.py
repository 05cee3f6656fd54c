"""A process that the lab talks with in lines of JSON."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from lab.errors import CommandFailed, RuntimeFailure
from lab.workers.lines import Lines, Message

ECHO = "import sys\nfor line in sys.stdin: sys.stdout.write(line); sys.stdout.flush()"
DEAF_AT_FIRST = """
import sys
sys.stdin.readline()
for line in sys.stdin: print('{"ready": true}', flush=True)
"""


@contextmanager
def running(program: str) -> Iterator[Lines]:
    lines = Lines([sys.executable, "-c", program])
    try:
        yield lines
    finally:
        lines.kill()


def read(lines: Lines, count: int = 1) -> list[Message]:
    found: list[Message] = []
    while len(found) < count:
        found += lines.read()
    return found


@pytest.mark.parametrize("size", [1, 100_000, 2_000_000])
def test_lines_of_any_length_come_back_whole(size: int) -> None:
    message = {"text": "ü" * size}
    with running(ECHO) as lines:
        sending = Thread(target=lines.send, args=(message,))
        sending.start()
        assert read(lines) == [message]
        sending.join()


def test_many_lines_come_back_in_order() -> None:
    with running(ECHO) as lines:
        for number in range(1000):
            lines.send({"number": number})
        assert [message["number"] for message in read(lines, 1000)] == list(range(1000))


def test_hello_is_said_again_until_it_is_answered() -> None:
    """What a container writes before somebody has attached is lost, so the first answer may be."""
    with running(DEAF_AT_FIRST) as lines:
        lines.greet()


def test_what_is_no_json_is_shown() -> None:
    with running("print('Hello there')") as lines, pytest.raises(RuntimeFailure, match=r"^not a line of JSON: Hello"):
        read(lines)


def test_a_process_that_ends_unasked_is_shown_with_its_last_words() -> None:
    with (
        running("import sys; sys.exit('no luck')") as lines,
        pytest.raises(CommandFailed, match=r"code 1 (.|\n)*no luck"),
    ):
        read(lines)


def test_a_process_that_has_ended_takes_nothing() -> None:
    def send_on(lines: Lines) -> None:
        while True:
            lines.send({})

    with running("") as lines, pytest.raises(CommandFailed, match=r"exit code 0"):
        send_on(lines)


def test_who_started_it_says_what_its_end_means() -> None:
    lines = Lines(
        [sys.executable, "-c", "import sys; sys.exit(3)"], lambda code, _: RuntimeFailure(f"gone with {code}")
    )
    with pytest.raises(RuntimeFailure, match=r"^gone with 3$"):
        read(lines)
    lines.kill()


def test_the_end_of_its_input_ends_it() -> None:
    start = time.monotonic()
    lines = Lines([sys.executable, "-c", ECHO])
    lines.end()
    assert time.monotonic() - start < 2


def test_what_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.workers.lines.END_WITHIN_S", 0.1)
    start = time.monotonic()
    Lines([sys.executable, "-c", "import time; time.sleep(60)"]).end()
    assert time.monotonic() - start < 5


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(RuntimeFailure, match=r"^no-such-program is not on PATH; install it, and try again$"):
        Lines(["no-such-program"])
