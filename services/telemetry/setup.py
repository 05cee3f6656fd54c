"""Starts what the mode asks for, in the process that serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shop.routes import OPERATIONS
from shop.settings import Settings, exit_with
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
        if self.tracing is None:
            return 0.0
        from telemetry.tracing import ENDS_WITHIN_S

        return ENDS_WITHIN_S

    def shutdown(self) -> None:
        """Sends what is finished; returns in time, whether or not anybody receives it."""
        if self.tracing:
            self.tracing.shutdown()


OFF = Telemetry()
WHOLE_NUMBERS = ("OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_SCHEDULE_DELAY")


def check(settings: Settings, environ: Mapping[str, str]) -> None:
    """Ends a start whose queue of spans cannot be, with exit code 2. To be called before any fork."""
    if settings.telemetry is Mode.OFFICIAL:
        problems = [
            f"{name}: {value!r} is not a whole number above 0"
            for name in WHOLE_NUMBERS
            if (value := environ.get(name)) and not (value.isascii() and value.isdigit() and int(value))
        ]
        if problems:
            exit_with(problems)


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
