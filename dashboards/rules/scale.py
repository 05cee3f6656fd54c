"""In which windows rules look: those of production, or a lab's, where an hour has five minutes."""

from __future__ import annotations

from dataclasses import dataclass

UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
LEAST_S = 30  # three readings of kubelets, six of pods; and longer than a replica takes to start


@dataclass(frozen=True, slots=True)
class Scale:
    """Windows of objectives are divided by `divisor`; so are all others, but not below LEAST_S.

    `interval` is how often objectives are evaluated, empty as often as Prometheus evaluates; `slow_interval`, those of
    tickets.
    """

    name: str
    divisor: int
    interval: str
    slow_interval: str

    def objective(self, production_s: int) -> str:
        return duration(production_s // self.divisor)

    def window(self, production_s: int) -> str:
        return duration(self.window_s(production_s))

    def window_s(self, production_s: int) -> int:
        return max(production_s // self.divisor, min(production_s, LEAST_S))


PRODUCTION = Scale("production", 1, interval="30s", slow_interval="2m")
LAB = Scale("lab", 12, interval="", slow_interval="25s")
SCALES = (PRODUCTION, LAB)


def duration(seconds: int) -> str:
    """As Prometheus writes it: 150 is 2m30s."""
    parts = []
    for unit, size in UNITS:
        count, seconds = divmod(seconds, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts)
