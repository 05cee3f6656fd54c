"""What a run says: one result for each arm, comparable at the highest rate that all of them held, and prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.core.arms import FACTOR, Arm, is_factor
from lab.core.beside import Level
from lab.core.beside import levels as levels_from
from lab.core.ladder import Climb, End, climb
from lab.core.price import Prices, prices
from lab.core.scenario import Scenario
from lab.core.telemetry import Telemetry
from lab.core.trial import Trial

SCHEMA_VERSION = 3


@dataclass(frozen=True, slots=True)
class VariantResult:
    """Of one arm. `reference` is its trial at the rate compared; None where it held no common rate.

    `levels` are of a workload that has requests beside it. `first_answer_s` is the longest time from a process start to
    its first answer, over the arm's services.
    """

    arm: Arm
    status: str
    reasons: tuple[str, ...]
    climb: Climb
    reference: Trial | None
    levels: tuple[Level, ...]
    first_answer_s: float | None

    @property
    def name(self) -> str:
        return self.arm.name

    def document(self) -> dict[str, Any]:
        trial = self.reference
        cost = trial.cpu_s_per_request if trial else None
        return {
            "status": self.status,
            "reasons": list(self.reasons),
            "held_per_s": self.climb.held_per_s,
            "missed_per_s": self.climb.missed_per_s,
            "ended_by": self.climb.end.value if self.climb.end else None,
            "latency_ms": dict(trial.measurement.latency_ms) if trial else None,
            "cpu_ms_per_request": None if cost is None else round(cost * 1000, 4),
            "memory_bytes": trial.memory_bytes if trial else None,
            "time_to_first_answer_s": self.first_answer_s,
            "levels": [level.document() for level in self.levels],
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """`compared_at_per_s` is the highest rate held by every arm that is ok and held any, if there is one.

    `telemetry` has several levels where it is the factor, and only then there are `prices`.
    """

    run: str
    scenario: Scenario
    quick: bool
    telemetry: tuple[Telemetry, ...]
    compared_at_per_s: float | None
    variants: tuple[VariantResult, ...]
    prices: Prices

    @property
    def ok(self) -> bool:
        results = all(variant.status == "ok" and not _void(variant.levels) for variant in self.variants)
        return results and not any(price.void for levels in self.prices.values() for price in levels)

    @property
    def compares_telemetry(self) -> bool:
        return is_factor(self.telemetry)

    def document(self) -> dict[str, Any]:
        """`summary.json`, as `lab/report/summary.schema.json` describes it."""
        beside, telemetry = self.scenario.beside, [level.name for level in self.telemetry]
        return {
            "schema_version": SCHEMA_VERSION,
            "run": self.run,
            "scenario": self.scenario.name,
            "slo": {"p99_ms": self.scenario.slo.p99_ms, "error_share": self.scenario.slo.error_share},
            "quick": self.quick,
            "telemetry": None if self.compares_telemetry else telemetry[0],
            "factor": {"name": FACTOR, "levels": telemetry} if self.compares_telemetry else None,
            "compared_at_per_s": self.compared_at_per_s,
            "beside": {"operation": beside.request.operation, "rate_per_s": beside.rate_per_s} if beside else None,
            "variants": {variant.name: variant.document() for variant in self.variants},
            "price": {
                stack: {price.level.name: price.document() for price in levels} for stack, levels in self.prices.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a run's arms, by their names: trials as they ended, and why some were not measured."""

    climbs: Mapping[str, Sequence[Trial]]
    levels: Mapping[str, Sequence[Trial]]
    half_load: Mapping[str, Sequence[Trial]]
    not_measured: Mapping[str, str]
    first_answer_s: Mapping[str, float]


def summarise(run: str, scenario: Scenario, quick: bool, arms: Sequence[Arm], tried: Tried) -> Summary:
    """`arms` in the order to show."""
    names = [arm.name for arm in arms]
    climbs = {name: climb(tried.climbs.get(name, ())) for name in names}
    levels = {name: levels_from(tried.levels.get(name, ())) for name in names}
    measured = [
        name
        for name in names
        if name not in tried.not_measured
        and (_is_measured(climbs[name]) if scenario.requests else not _void(levels[name]))
    ]
    common = min((held for name in measured if (held := climbs[name].held_per_s) is not None), default=None)
    results = []
    for arm in arms:
        name = arm.name
        trials = tried.climbs.get(name, ())
        reference = [t for t in trials if t.held and t.rate_per_s == common and name in measured]
        reason = tried.not_measured.get(name)
        results.append(
            VariantResult(
                arm=arm,
                status="ok" if name in measured else "void",
                reasons=(reason,) if reason is not None else climbs[name].reasons or _void(levels[name]),
                climb=climbs[name],
                reference=reference[-1] if reference else None,
                levels=levels[name],
                first_answer_s=tried.first_answer_s.get(name),
            )
        )
    telemetry = tuple(dict.fromkeys(arm.telemetry for arm in arms))
    price = prices(arms, tried.climbs, tried.half_load, tried.not_measured) if is_factor(telemetry) else {}
    return Summary(run, scenario, quick, telemetry, common, tuple(results), price)


def _void(levels: Sequence[Level]) -> tuple[str, ...]:
    """Why levels stayed void."""
    return tuple(reason for level in levels for reason in level.trial.void)


def _is_measured(found: Climb) -> bool:
    """Whether the climb says anything of the variant: a generator that was the limit from the start says nothing."""
    match found.end:
        case End.OBJECTIVE | End.TOP:
            return True
        case End.GENERATOR:
            return found.held_per_s is not None
        case _:
            return False
