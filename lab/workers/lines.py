"""A process that takes and gives JSON documents on its standard streams, a line each.

Lines may be of any length. What it writes on standard error is kept, to be shown if it ends unasked.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from selectors import EVENT_READ, DefaultSelector
from typing import Any

from lab.errors import CommandFailed, RuntimeFailure

HELLO_WITHIN_S = 30.0
HELLO_AGAIN_S = 1.0
END_WITHIN_S = 2.0
SHOWN_BYTES = 300

Message = dict[str, Any]


class Lines:
    """`failure` makes the error of a process that ended, from its exit code and standard error."""

    def __init__(self, argv: Sequence[str], failure: Callable[[int, str], RuntimeFailure] | None = None) -> None:
        """Starts it, in a session of its own: Ctrl-C reaches the lab alone, which decides what becomes of it."""
        self._failure = failure or (lambda exit_code, stderr: CommandFailed(argv, exit_code, stderr))
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed by `kill`
        try:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, start_new_session=True
            )
        except FileNotFoundError:
            self._stderr.close()
            raise RuntimeFailure(f"{argv[0]} is not on PATH; install it, and try again") from None
        assert self._process.stdin
        assert self._process.stdout
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._part = bytearray()

    def greet(self) -> None:
        """Returns when it has answered; says hello until then, for an answer before its output leads here is lost."""
        give_up = time.monotonic() + HELLO_WITHIN_S
        with DefaultSelector() as selector:
            selector.register(self, EVENT_READ)
            while time.monotonic() < give_up:
                self.send({"hello": True})
                if selector.select(HELLO_AGAIN_S) and any("ready" in message for message in self.read()):
                    return
        raise RuntimeFailure(f"no answer within {HELLO_WITHIN_S:.0f} s from: {self._process.args!r}")

    def send(self, message: Mapping[str, Any]) -> None:
        try:
            self._stdin.write(json.dumps(message).encode() + b"\n")
            self._stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def fileno(self) -> int:
        """To wait on until there is something to read."""
        return self._stdout.fileno()

    def read(self) -> list[Message]:
        """The documents whose lines are complete; waits for a part of one. Raises when the process has ended."""
        part = os.read(self.fileno(), 1 << 20)
        if not part:
            raise self._ended()
        self._part += part
        if b"\n" not in part:
            return []
        *lines, self._part = self._part.split(b"\n")
        return [_document(line) for line in lines]

    def end(self) -> None:
        """By the end of its input, and by force where that is not enough."""
        with contextlib.suppress(BrokenPipeError, subprocess.TimeoutExpired):
            self._stdin.close()
            self._process.wait(END_WITHIN_S)
        self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()
        self._stdout.close()
        self._stderr.close()

    def _ended(self) -> RuntimeFailure:
        exit_code = self._process.wait()
        self._stderr.seek(0)
        return self._failure(exit_code, self._stderr.read().decode(errors="replace"))


def _document(line: bytes | bytearray) -> Message:
    try:
        document: Message = json.loads(line)
    except ValueError:
        raise RuntimeFailure(f"not a line of JSON: {line[:SHOWN_BYTES].decode(errors='replace')}") from None
    return document
