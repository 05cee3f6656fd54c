"""The lab's side of the load generator: one process for a whole run, so that a trial doesn't pay for its start."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from lab.core.measurement import Measurement
from lab.errors import CommandFailed, RuntimeFailure
from lab.load import wire
from lab.load.streams import OPEN_MAX_S, PREPARE_MAX_S
from lab.ports import Load

TICK_S = 0.5
GRACE_S = 30.0  # beyond schedule and timeout: starting, planning, counting
END_S = 2.0


class WorkerGenerator:
    """A LoadGenerator; use it in a `with` block, which ends its process whatever happens."""

    def __init__(self, cpus: Sequence[int] = ()) -> None:
        pinned = ["--cpus", ",".join(map(str, cpus))] if cpus else []
        self._argv = [sys.executable, "-m", "lab.load.worker", *pinned]

    def __enter__(self) -> Self:
        self._stderr = tempfile.TemporaryFile()
        # A session of its own: Ctrl-C reaches the lab alone, which decides what becomes of the load.
        self._process = subprocess.Popen(
            self._argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        try:
            self._line(GRACE_S, lambda: None)
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not error:
            with contextlib.suppress(BrokenPipeError, subprocess.TimeoutExpired):
                self._stdin.close()
                self._process.wait(END_S)
        self._kill()

    def run(self, load: Load, on_tick: Callable[[], None]) -> Measurement:
        """Raises RuntimeFailure when a target can't be reached or prepared, or the process has died."""
        try:
            self._stdin.write(json.dumps(wire.load_document(load)).encode() + b"\n")
            self._stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        preparing_s = PREPARE_MAX_S + OPEN_MAX_S if load.streams else 0.0
        return self._answer(preparing_s + load.duration_s + load.scenario.timeout_s + GRACE_S, on_tick)

    def interrupt(self) -> Measurement:
        """Ends the load that `run` was waiting for when it was interrupted; what was measured until now."""
        self._process.send_signal(signal.SIGINT)
        return self._answer(GRACE_S, lambda: None)

    def _answer(self, timeout_s: float, on_tick: Callable[[], None]) -> Measurement:
        answer = self._line(timeout_s, on_tick)
        if "error" in answer:
            raise RuntimeFailure(answer["error"])
        return wire.measurement_from(answer["measurement"])

    def _line(self, timeout_s: float, on_tick: Callable[[], None]) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(TICK_S):
                    on_tick()
                    if time.monotonic() > deadline:
                        raise RuntimeFailure(f"the load generator did not answer within {timeout_s:.0f} s")
                    continue
                part = os.read(self._stdout.fileno(), 65536)
                if not part:
                    raise self._died()
                line += part
        document: dict[str, Any] = json.loads(line)
        return document

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()
        self._stdout.close()
        self._stderr.close()

    def _died(self) -> CommandFailed:
        exit_code = self._process.wait()
        self._stderr.seek(0)
        return CommandFailed(self._argv, exit_code, self._stderr.read().decode(errors="replace"))
