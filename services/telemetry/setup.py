"""Starts what the mode asks for, in the process that serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shop.routes import OPERATIONS
from shop.settings import Settings
from shop.settings import Telemetry as Mode

if TYPE_CHECKING:
    from telemetry.metrics import Metrics
    from telemetry.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Telemetry:
    """None stands for what the mode leaves out."""

    metrics: Metrics | None = None
    tracing: Tracing | None = None

    @property
    def ends_within_s(self) -> float:
        """How long `shutdown` may take."""
        return self.tracing.ends_within_s if self.tracing else 0.0

    def shutdown(self) -> None:
        """Sends what is finished; returns in time, whether or not anybody receives it."""
        if self.tracing:
            self.tracing.shutdown()


OFF = Telemetry()


def start(settings: Settings) -> Telemetry:
    """To be called after any fork: threads begin here. A mode that needs less imports less."""
    if settings.telemetry is Mode.OFF:
        return OFF
    from telemetry.metrics import Metrics
    from telemetry.runtime import watch_collector

    metrics = Metrics(settings.role, OPERATIONS[settings.role])
    watch_collector(metrics)
    if settings.telemetry is Mode.METRICS:
        return Telemetry(metrics)
    from telemetry import tracing

    return Telemetry(metrics, tracing.start(settings, metrics.registry))
