"""What rising levels of a workload do to the small requests beside it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab.core.ladder import TRIES_PER_RUNG
from lab.core.scenario import Scenario
from lab.core.trial import Trial

# Below so many, what is measured of memory moves by more than the streams take.
STREAMS_FOR_MEMORY_MIN = 50


def wanted(trials: Sequence[Trial], level: int) -> bool:
    """Whether the level is to be tried (again), after `trials` of one stack."""
    at_level = [trial for trial in trials if trial.step == level]
    return len(at_level) < TRIES_PER_RUNG and all(trial.void for trial in at_level)


def workload(scenario: Scenario) -> str:
    """What levels count, in words."""
    kinds = dict.fromkeys(request.operation for request in scenario.requests)
    return "streams" if scenario.streams else f"{' and '.join(kinds)} per second"


@dataclass(frozen=True, slots=True)
class Level:
    """The last trial of one stack at one level, and its trial at level 0 if that is not void."""

    level: int
    trial: Trial
    alone: Trial | None

    @property
    def memory_bytes_per_stream(self) -> float | None:
        streams = self.trial.measurement.streams
        if not streams or not self.alone or self.trial.void or streams.held < STREAMS_FOR_MEMORY_MIN:
            return None
        return (self.trial.memory_bytes - self.alone.memory_bytes) / streams.held

    def document(self) -> dict[str, Any]:
        """A row of `summary.json`: nothing is said of a void trial but why."""
        measurement = self.trial.measurement
        asked, workload, streams = measurement.beside, None, None
        assert asked
        if self.trial.void:
            return {"level": self.level, "status": "void", "reasons": list(self.trial.void)}
        if measurement.streams:
            per_stream = self.memory_bytes_per_stream
            streams = {
                "held": measurement.streams.held,
                "refused": measurement.streams.refused,
                "errors": dict(measurement.streams.errors),
                "events": measurement.streams.events,
                "event_delay_ms": measurement.streams.event_delay_ms and dict(measurement.streams.event_delay_ms),
                "memory_bytes_per_stream": None if per_stream is None else round(per_stream),
            }
        elif self.level:
            workload = {
                "answered": measurement.answered,
                "errors": dict(measurement.errors),
                "latency_ms": dict(measurement.latency_ms),
            }
        return {
            "level": self.level,
            "status": "ok",
            "reasons": list(self.trial.missed),
            "latency_ms": dict(asked.latency_ms),
            "answered": asked.answered,
            "errors": dict(asked.errors),
            "memory_bytes": self.trial.memory_bytes,
            "cpu_s": round(sum(share.cpu_s for share in self.trial.replicas), 3),
            "workload": workload,
            "streams": streams,
        }


def levels(trials: Sequence[Trial]) -> tuple[Level, ...]:
    """The levels that one stack was tried at, ascending."""
    last = {trial.step: trial for trial in trials}
    alone = last.get(0)
    return tuple(Level(step, last[step], alone if alone and not alone.void else None) for step in sorted(last))
