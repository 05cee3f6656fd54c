"""The load generator as a process beside the lab: one for a whole run, so that a trial doesn't pay for its start."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType

from lab.workers.lines import Lines
from lab.workers.loads import Generator


class WorkerGenerator:
    """A Generator for a `with` block, which ends its process whatever happens."""

    def __init__(self, cpus: Sequence[int] = ()) -> None:
        pinned = ["--cpus", ",".join(map(str, cpus))] if cpus else []
        self._argv = [sys.executable, "-m", "lab.load.worker", *pinned]

    def __enter__(self) -> Generator:
        self._worker = Lines(self._argv)
        try:
            self._worker.greet()
        except BaseException:
            self._worker.kill()
            raise
        return Generator([self._worker])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error:
            self._worker.kill()
        else:
            self._worker.end()
