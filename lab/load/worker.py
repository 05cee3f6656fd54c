"""The load generator's own process: `python -m lab.load.worker [--cpus 0,1]`.

Says `{"ready": true}` on standard output, then reads one load a line (JSON) from standard input and answers each with
one line, `{"measurement": ...}` or `{"error": text}`, until the input ends. Ids that a target answered are kept for
later loads of the same `state`. SIGINT ends the load that runs; what it measured so far is its answer.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import signal
import sys
from typing import Any

import uvloop

from lab.core.measurement import Measurement
from lab.errors import RuntimeFailure
from lab.load import wire
from lab.load.requests import Ids
from lab.load.trial import Trial
from lab.tree import contract_operations


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cpus", default="", help="numbers of the CPUs to run on, for example 0,1")
    cpus = parser.parse_args().cpus
    if cpus:
        os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    _say({"ready": True})
    ids_by_state: dict[str, Ids] = {}
    for line in sys.stdin:
        load = wire.load_from(json.loads(line))
        try:
            trial = Trial(load, contract_operations(), ids_by_state.setdefault(load.state, {}))
            answer: dict[str, Any] = {"measurement": wire.measurement_document(_run(trial))}
        except RuntimeFailure as error:
            answer = {"error": str(error)}
        _say(answer)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _run(trial: Trial) -> Measurement:
    """Without garbage collection: a collection of all planned requests would delay those that are due."""
    gc.collect()
    gc.disable()
    try:
        return uvloop.run(_interruptible(trial))
    finally:
        gc.enable()


async def _interruptible(trial: Trial) -> Measurement:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, trial.stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        return await trial.run()
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        loop.remove_signal_handler(signal.SIGINT)


if __name__ == "__main__":
    main()
