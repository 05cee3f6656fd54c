"""What watching costs: each stack at every level of telemetry, relative to its first level. Pure.

How much a level holds is known as finely as the ladder's rungs are apart. CPU per request and p99 are compared at half
load, a rate that is the same for all levels of a stack: medians over the trials that are not void (the lower one of
two: what disturbs a trial only adds). Memory is compared at the lowest rate that the levels held: until then all had
the same load, and a higher rate leaves what its queue took; a level that held more from the start is tried there after
its climb.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Any

from lab.core.arms import Arm
from lab.core.ladder import Climb, climb
from lab.core.telemetry import Telemetry
from lab.core.trial import Trial

REPEATS = 3
QUICK_REPEATS = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one arm at half load."""

    cpu_s_per_request: float
    p99_ms: float
    trials: int


@dataclass(frozen=True, slots=True)
class Price:
    """One level of one stack. `first` is the stack's first level, itself for that one.

    `rate_per_s` is the stack's half load; None where no level held any rate. `reasons` say what no figure is given of.
    What dropped out has neither cost nor memory, though it may have been tried before.
    """

    level: Telemetry
    rate_per_s: float | None
    climb: Climb
    cost: Cost | None
    memory_bytes: int | None
    reasons: tuple[str, ...]
    void: bool
    first: Price | None = None

    @property
    def base(self) -> Price:
        return self.first or self

    @property
    def throughput_ratio(self) -> float | None:
        """Of the highest rates held; None where one of them is not known. The first level's is 1 if it held any."""
        own, base = self.climb, self.base.climb
        if not self.first:
            return 1.0 if own.held_per_s else None
        if not own.held_per_s or not base.held_per_s or not own.missed_per_s or not base.missed_per_s:
            return None
        return own.held_per_s / base.held_per_s

    @property
    def throughput_ratio_between(self) -> tuple[float | None, float | None]:
        """What the ratio is at least and at most, where the rungs show it."""
        own, base = self.climb, self.base.climb
        if not self.first:
            return self.throughput_ratio, self.throughput_ratio
        return _ratio(own.held_per_s, base.missed_per_s), _ratio(own.missed_per_s, base.held_per_s)

    @property
    def cpu_ratio(self) -> float | None:
        if not self.cost or not self.base.cost:
            return None
        return self.cost.cpu_s_per_request / self.base.cost.cpu_s_per_request

    @property
    def memory_bytes_more(self) -> int | None:
        if self.memory_bytes is None or self.base.memory_bytes is None:
            return None
        return self.memory_bytes - self.base.memory_bytes

    def document(self) -> dict[str, Any]:
        """A level of a stack in `summary.json`; what is `more` is so than at the first level."""
        cost, base = self.cost, self.base.cost
        between = self.throughput_ratio_between
        return {
            "reasons": list(self.reasons),
            "throughput_ratio": _rounded(self.throughput_ratio, 3),
            "throughput_ratio_between": [_rounded(bound, 3) for bound in between],
            "half_load_per_s": self.rate_per_s,
            "trials": cost.trials if cost else 0,
            "cpu_ms_per_request": _rounded(cost.cpu_s_per_request * 1000, 4) if cost else None,
            "cpu_ratio": _rounded(self.cpu_ratio, 3),
            "cpu_ms_per_request_more": (
                _rounded((cost.cpu_s_per_request - base.cpu_s_per_request) * 1000, 4) if cost and base else None
            ),
            "p99_ms": _rounded(cost.p99_ms, 3) if cost else None,
            "p99_ms_more": _rounded(cost.p99_ms - base.p99_ms, 3) if cost and base else None,
            "memory_bytes": self.memory_bytes,
            "memory_bytes_more": self.memory_bytes_more,
        }


Prices = Mapping[str, Sequence[Price]]


def common_rates(arms: Sequence[Arm], climbs: Mapping[str, Climb]) -> dict[str, float]:
    """For each arm that held any rate, the lowest that those of its stack held; by the arms' names."""
    held = {arm.name: rate for arm in arms if (rate := climbs[arm.name].held_per_s) is not None}
    return {
        arm.name: min(held[other.name] for other in arms if other.stack.name == arm.stack.name and other.name in held)
        for arm in arms
        if arm.name in held
    }


def half_loads(arms: Sequence[Arm], climbs: Mapping[str, Climb]) -> dict[str, float]:
    """Of the same: the rate of those that are to be tried at half load."""
    return {name: rate_per_s / 2 for name, rate_per_s in common_rates(arms, climbs).items()}


def prices(
    arms: Sequence[Arm],
    climbing: Mapping[str, Sequence[Trial]],
    at_half_load: Mapping[str, Sequence[Trial]],
    not_measured: Mapping[str, str],
) -> Prices:
    """By stack, levels in their order. Mappings are by the arms' names."""
    climbs = {arm.name: climb(climbing.get(arm.name, ())) for arm in arms}
    common = common_rates(arms, climbs)
    rates = half_loads(arms, climbs)
    found: dict[str, list[Price]] = {}
    for arm in arms:
        of_stack = found.setdefault(arm.stack.name, [])
        tried = at_half_load.get(arm.name, ())
        dropped_out = arm.name in not_measured
        cost = None if dropped_out else _cost(tried)
        of_stack.append(
            Price(
                level=arm.telemetry,
                rate_per_s=rates.get(arm.name),
                climb=climbs[arm.name],
                cost=cost,
                memory_bytes=None if dropped_out else _memory(climbing.get(arm.name, ()), common.get(arm.name)),
                reasons=() if cost else _reasons(arm.name, climbs[arm.name], tried, not_measured),
                void=bool(tried) and not cost,
                first=of_stack[0] if of_stack else None,
            )
        )
    return found


def _cost(trials: Sequence[Trial]) -> Cost | None:
    kept = [(cpu_s, trial) for trial in trials if not trial.void and (cpu_s := trial.cpu_s_per_request) is not None]
    if not kept:
        return None
    return Cost(
        cpu_s_per_request=median_low(cpu_s for cpu_s, _ in kept),
        p99_ms=median_low(trial.measurement.latency_ms["p99"] for _, trial in kept),
        trials=len(kept),
    )


def _memory(climbing: Sequence[Trial], rate_per_s: float | None) -> int | None:
    return next((trial.memory_bytes for trial in climbing if trial.held and trial.rate_per_s == rate_per_s), None)


def _reasons(name: str, climb: Climb, tried: Sequence[Trial], not_measured: Mapping[str, str]) -> tuple[str, ...]:
    if name in not_measured:
        return (not_measured[name],)
    if tried:
        return tried[-1].void or ("no request was answered at half load",)
    return tuple(f"it held no rate: {reason}" for reason in climb.reasons)


def _ratio(numerator: float | None, denominator: float | None) -> float | None:
    return numerator / denominator if numerator and denominator else None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
