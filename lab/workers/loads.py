"""Runs loads by one worker or several: each gets its share, they begin together, and what they measured is merged.

To a worker:  `{"load": ...}`, then `{"start_at": Unix seconds}` once all are prepared, where there are several;
              `{"stop": true}` ends the load that runs.
From it:      `{"prepared": Unix seconds}` where there are several, `{"progress": {...}}` about twice a second, at last
              `{"measurement": ...}` or `{"error": text}`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from selectors import EVENT_READ, DefaultSelector

from lab.core.measurement import Measurement
from lab.core.merging import merged
from lab.errors import RuntimeFailure
from lab.ports import Load, Share
from lab.workers import wire
from lab.workers.lines import Lines, Message

TICK_S = 0.5
SILENT_MAX_S = 60.0  # making the requests is silent, and takes 50 µs of CPU for each
START_IN_S = 1.0  # of several workers, after the last was prepared: as long as telling all of them may take
SEEDS = 2**32


@dataclass(frozen=True, slots=True)
class Progress:
    """Requests of a load so far; `failed` are among the completed."""

    offered: int = 0
    completed: int = 0
    failed: int = 0


class Generator:
    """A LoadGenerator; its workers have been greeted, and are ended by whoever started them."""

    def __init__(self, workers: Sequence[Lines]) -> None:
        self._workers = workers
        self._running: set[int] = set()
        self._progress: dict[int, Progress] = {}
        self._prepared: list[float] = []
        self._answers: dict[int, Message] = {}

    @property
    def progress(self) -> Progress:
        """Of the load that runs, or ran last."""
        parts = self._progress.values()
        return Progress(
            offered=sum(part.offered for part in parts),
            completed=sum(part.completed for part in parts),
            failed=sum(part.failed for part in parts),
        )

    def run(self, load: Load, on_tick: Callable[[], None]) -> Measurement:
        """Raises RuntimeFailure when a target can't be reached or prepared, or a worker has died."""
        if self._running:  # the last load was abandoned: no answer to it may be taken for one to this
            self._stop()
            self._wait(lambda: None)
        self._progress, self._prepared, self._answers = {}, [], {}
        for number, share in enumerate(shares(load, len(self._workers))):
            self._running.add(number)
            self._workers[number].send({"load": wire.load_document(share)})
        self._wait(on_tick)
        return self._measurement()

    def interrupt(self) -> Measurement:
        """Ends the load that `run` was waiting for when it was interrupted; what was measured until now."""
        self._stop()
        self._wait(lambda: None)
        return self._measurement()

    def _stop(self) -> None:
        for number in self._running:
            self._workers[number].send({"stop": True})

    def _wait(self, on_tick: Callable[[], None]) -> None:
        """Until every worker that runs has answered. Raises RuntimeFailure when one has died, or is silent."""
        start = time.monotonic()
        tick = start + TICK_S
        heard = dict.fromkeys(self._running, start)
        with DefaultSelector() as selector:
            for number in self._running:
                selector.register(self._workers[number], EVENT_READ, number)
            while self._running:
                for key, _ in selector.select(max(0.0, tick - time.monotonic())):
                    heard[key.data] = time.monotonic()
                    for message in self._workers[key.data].read():
                        self._hear(key.data, message)
                now = time.monotonic()
                for number in self._running:
                    if heard[number] < now - SILENT_MAX_S:
                        raise RuntimeFailure(f"load worker {number} has said nothing for {SILENT_MAX_S:.0f} s")
                if now >= tick:
                    on_tick()
                    tick = time.monotonic() + TICK_S

    def _hear(self, number: int, message: Message) -> None:
        match message:
            case {"progress": progress}:
                self._progress[number] = Progress(**progress)
            case {"prepared": at}:
                self._prepared.append(at)
                if len(self._prepared) == len(self._workers):
                    for worker in self._workers:
                        worker.send({"start_at": max(self._prepared) + START_IN_S})
            case {"measurement": _} | {"error": _}:
                self._answers[number] = message
                self._running.discard(number)
                if "error" in message:
                    self._stop()

    def _measurement(self) -> Measurement:
        answers = [answer for _, answer in sorted(self._answers.items())]
        for answer in answers:
            if "error" in answer:
                raise RuntimeFailure(answer["error"])
        return merged([wire.measurement_from(answer["measurement"]) for answer in answers])


def shares(load: Load, workers: int) -> list[Load]:
    """What each of several workers does of a load. They draw different random values."""
    whole, rest = divmod(load.streams, workers)
    return [
        replace(
            load,
            share=Share(worker, workers),
            seed=load.seed + worker * SEEDS,
            streams=whole + (worker < rest),
        )
        for worker in range(workers)
    ]
