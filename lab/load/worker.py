"""A load worker: `python -m lab.load.worker [--cpus 0,1] [--metrics-port 8001]`, beside the lab or in a cluster.

Takes JSON on standard input, a document a line, and answers on standard output: `{"ready": true}` to each
`{"hello": true}`, and loads as `lab.workers.loads` has it. Ids that a target answered are kept for later loads of the
same `state`. The end of the input ends it, whatever runs, with exit code 0.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import uvloop

from lab.errors import RuntimeFailure
from lab.load.metrics import LoadMetrics
from lab.load.requests import Exchange, Ids
from lab.load.trial import Trial
from lab.ports import Load
from lab.tree import contract_operations
from lab.workers import wire

LINE_MAX_BYTES = 1 << 26


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cpus", default="", help="numbers of the CPUs to run on, for example 0,1")
    parser.add_argument("--metrics-port", type=int, default=0, help="where to answer Prometheus; not at all if 0")
    options = parser.parse_args()
    if options.cpus:
        os.sched_setaffinity(0, {int(cpu) for cpu in options.cpus.split(",")})
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    metrics = LoadMetrics()
    if options.metrics_port:
        metrics.serve(options.metrics_port)
    uvloop.run(_Worker(metrics).serve())


class _Worker:
    def __init__(self, metrics: LoadMetrics) -> None:
        self._metrics = metrics
        self._ids_by_state: dict[str, Ids] = {}
        self._trial: Trial | None = None

    async def serve(self) -> None:
        reader = asyncio.StreamReader(limit=LINE_MAX_BYTES)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        async with asyncio.TaskGroup() as trials:  # a mistake of ours in one ends the worker
            running = None
            while line := await reader.readline():
                match json.loads(line):
                    case {"hello": _}:
                        _say({"ready": True})
                    case {"load": document}:
                        running = trials.create_task(self._run(wire.load_from(document)))
                        await asyncio.sleep(0)  # until it has begun
                    case {"start_at": start_at} if self._trial:
                        self._trial.begin(start_at)
                    case {"stop": _} if self._trial:
                        self._trial.stop()
            if running:
                running.cancel()

    async def _run(self, load: Load) -> None:
        """Without garbage collection: a collection of all planned requests would delay those that are due."""
        self._trial = Trial(
            load, contract_operations(), self._ids_by_state.setdefault(load.state, {}), _Teller(self._metrics)
        )
        self._metrics.begin(load)
        gc.collect()
        gc.disable()
        try:
            answer: dict[str, Any] = {"measurement": wire.measurement_document(await self._trial.run())}
        except RuntimeFailure as error:
            answer = {"error": str(error)}
        finally:
            gc.enable()
            self._metrics.end()
            self._trial = None
        _say(answer)


class _Teller:
    """A trial's listener."""

    def __init__(self, metrics: LoadMetrics) -> None:
        self._metrics = metrics
        self._offered = self._completed = self._failed = 0

    def prepared(self) -> None:
        _say({"prepared": time.time()})

    def progress(self, lags_s: Sequence[float], settled: Sequence[Exchange]) -> None:
        self._offered += len(lags_s)
        self._completed += len(settled)
        self._failed += sum(exchange.error is not None for exchange in settled)
        _say({"progress": {"offered": self._offered, "completed": self._completed, "failed": self._failed}})
        self._metrics.add(lags_s, settled)


def _say(answer: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
