"""How a command reaches the supervisor of a lab: finds it, starts it, asks it, ends it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from lab.errors import CommandFailed, RuntimeFailure
from lab.runtimes.supervision import place, processes, state
from lab.runtimes.supervision.children import PATIENCE_S
from lab.runtimes.supervision.logs import last_lines
from lab.runtimes.supervision.protocol import Document, error_from, line
from lab.runtimes.supervision.state import State
from lab.runtimes.supervision.supervisor import killed_text, locked

ANSWER_WITHIN_S = 180.0  # of the longest: a deployment, or one variant's migrations
ENDED_WITHIN_S = 2 * PATIENCE_S + 6  # replicas, then servers, then directories


class Client:
    """Asks the supervisor of one lab. Safe to use from several threads: each request has a connection of its own."""

    def __init__(self, control: Path) -> None:
        self._control = control

    def ask(self, verb: str, **arguments: Any) -> Document:
        """Raises what the supervisor answers as an error, and RuntimeFailure when it does not answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_WITHIN_S)
            try:
                connection.connect(str(self._control))
                connection.sendall(line({"verb": verb, **arguments}))
                with connection.makefile("rb") as file:
                    answer = file.readline()
            except TimeoutError:
                raise RuntimeFailure(f"the supervisor did not answer {verb} within {ANSWER_WITHIN_S:g} s") from None
            except OSError as error:
                raise RuntimeFailure(f"cannot reach the supervisor at {self._control}: {error.strerror}") from error
        if not answer:
            raise RuntimeFailure(f"the supervisor ended while it was asked to {verb}")
        document = json.loads(answer)
        if "error" in document:
            raise error_from(document["error"])
        return dict(document["result"])


class TiedSupervisor:
    """A new supervisor, which ends everything when the block is left or this process ends, unless detached."""

    def __init__(self, directory: Path) -> None:
        place.make_directory(directory, place.servant())
        self._directory = directory
        self._log = directory / "supervisor.log"
        self._argv = [sys.executable, "-m", "lab.runtimes.supervision", str(directory)]
        self._detached = False

    def __enter__(self) -> TiedSupervisor:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        return self

    def client(self) -> Client:
        """Returns when it can be asked; raises why it cannot."""
        assert self._process.stdout
        report = self._process.stdout.readline()
        if not report:
            raise CommandFailed(self._argv, self._process.wait(), last_lines(self._log))
        document = json.loads(report)
        if "error" in document:
            raise error_from(document["error"])
        opened = state.read(self._directory)
        assert opened
        return Client(opened.place.control)

    def detach(self, client: Client) -> None:
        client.ask("detach")
        self._detached = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        if self._detached:
            return
        try:
            self._process.wait(ENDED_WITHIN_S)
        except subprocess.TimeoutExpired:
            text = f"the lab in {self._directory} has not ended within {ENDED_WITHIN_S:g} s; end it: lab down"
            raise RuntimeFailure(text) from error


def find(directory: Path) -> Client | None:
    """The client of the lab in `directory`, None when there is none; RuntimeFailure when its supervisor was killed."""
    found = state.read(directory)
    if found is None:
        return None
    if processes.find(found.supervisor):
        return Client(found.place.control)
    if left := found.living():
        raise RuntimeFailure(killed_text(directory, len(left)))
    return None


def require(directory: Path) -> Client:
    """The same; RuntimeFailure when there is none."""
    client = find(directory)
    if client is None:
        raise RuntimeFailure(f"no lab is up in {directory}; start one: lab up")
    return client


def down(directory: Path) -> bool:
    """Ends the lab in `directory`, or what is left of it; False when there was none."""
    found = state.read(directory)
    if found is None:
        return False
    if supervisor := processes.find(found.supervisor):
        _end(supervisor)
    with locked(directory):  # nobody opens a lab while the last one is cleared away
        if left := state.read(directory):
            _clear(left)
    return True


def _end(supervisor: psutil.Process) -> None:
    """Asks it to end everything; one that does not is killed."""
    supervisor.send_signal(signal.SIGTERM)
    if processes.wait([supervisor], ENDED_WITHIN_S):
        processes.kill([supervisor])
        processes.wait([supervisor], ENDED_WITHIN_S)


def _clear(left: State) -> None:
    processes.end(left.children, PATIENCE_S)
    if survivors := left.living():
        pids = ", ".join(str(identity.pid) for identity in survivors)
        raise RuntimeFailure(f"could not end {pids}; try as the user who started the lab (here: uid {os.geteuid()})")
    place.discard(left.place)
