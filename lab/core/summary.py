"""What a run says: one result for each arm, at the highest rate that all of them held, prices, and what repeats say."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.core.arms import FACTOR, Arm, is_factor
from lab.core.autoscaling import Autoscaler
from lab.core.beside import Level, wanted
from lab.core.beside import levels as levels_from
from lab.core.deployment import Facts
from lab.core.experiment import Experiment
from lab.core.figures import KINDS
from lab.core.ladder import Climb, End, climb
from lab.core.price import Prices, common_rates, prices
from lab.core.repeats import Repeats, repeats
from lab.core.scenario import Scenario
from lab.core.telemetry import Telemetry
from lab.core.trial import Trial

SCHEMA_VERSION = 5


@dataclass(frozen=True, slots=True)
class VariantResult:
    """Of one arm. `at_common_rate` is its last trial at the rate compared; None where it held none, or there is none.

    `levels` are of a workload that has requests beside it, `cases` of an experiment. `first_answer_s` is the longest
    time from a process start to its first answer, over the arm's services, where that is known.
    """

    arm: Arm
    status: str
    reasons: tuple[str, ...]
    climb: Climb
    at_common_rate: Trial | None
    levels: tuple[Level, ...]
    cases: tuple[Repeats, ...]
    first_answer_s: float | None

    @property
    def name(self) -> str:
        return self.arm.name

    @property
    def reference(self) -> Trial | None:
        """What it is compared by: its trial at the rate compared, if that held."""
        return self.at_common_rate if self.at_common_rate and self.at_common_rate.held else None

    @property
    def not_compared(self) -> tuple[str, ...]:
        """Why nothing is known of it at the rate compared, which it was tried at."""
        trial = self.at_common_rate
        return trial.void or trial.missed if trial else ()

    @property
    def void(self) -> bool:
        """Whether anything stayed void that was to be known of it."""
        compared_void = self.at_common_rate and self.at_common_rate.void
        return self.status != "ok" or bool(compared_void or _void(self.levels))

    def document(self) -> dict[str, Any]:
        trial = self.reference
        cost = trial.cpu_s_per_request if trial else None
        return {
            "status": self.status,
            "reasons": [*self.reasons, *self.not_compared],
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
    runtime: Facts

    @property
    def ok(self) -> bool:
        prices_void = any(price.void for levels in self.prices.values() for price in levels)
        return not prices_void and not any(variant.void for variant in self.variants)

    @property
    def compares_telemetry(self) -> bool:
        return is_factor(self.telemetry)

    @property
    def autoscalers(self) -> tuple[Autoscaler, ...]:
        """Those under which each stack was tried."""
        found = [variant.arm.autoscaler for variant in self.variants]
        return tuple(dict.fromkeys(autoscaler for autoscaler in found if autoscaler))

    def document(self) -> dict[str, Any]:
        """`summary.json`, as `lab/report/summary.schema.json` describes it."""
        beside, telemetry = self.scenario.beside, [level.name for level in self.telemetry]
        return {
            "schema_version": SCHEMA_VERSION,
            "run": self.run,
            "runtime": {"name": self.runtime.runtime, "limits": self.runtime.limits},
            "scenario": self.scenario.name,
            "slo": {"p99_ms": self.scenario.slo.p99_ms, "error_share": self.scenario.slo.error_share},
            "quick": self.quick,
            "telemetry": None if self.compares_telemetry else telemetry[0],
            "factor": self._factor(),
            "compared_at_per_s": self.compared_at_per_s,
            "beside": {"operation": beside.request.operation, "rate_per_s": beside.rate_per_s} if beside else None,
            "variants": {variant.name: variant.document() for variant in self.variants},
            "price": {
                stack: {price.level.name: price.document() for price in levels} for stack, levels in self.prices.items()
            },
            "experiment": self._experiment(self.scenario.experiment) if self.scenario.experiment else None,
        }

    def _factor(self) -> dict[str, Any] | None:
        if self.autoscalers:
            return {"name": "autoscaler", "levels": [autoscaler.value for autoscaler in self.autoscalers]}
        if self.compares_telemetry:
            return {"name": FACTOR, "levels": [level.name for level in self.telemetry]}
        return None

    def _experiment(self, experiment: Experiment) -> dict[str, Any]:
        measures = KINDS[experiment.kind]
        return {
            "kind": experiment.kind.value,
            "replicas": experiment.replicas,
            "rate_per_s": self.scenario.rate_per_s or None,
            "steps": [asdict(step) for step in experiment.steps(self.scenario.rate_per_s)],
            "figures": [
                {"name": figure.name, "unit": figure.unit.value, "combined": figure.combined.value}
                for figure in measures.figures
            ],
            "goal": asdict(measures.goal) if measures.goal else None,
            "variants": {result.name: [case.document() for case in result.cases] for result in self.variants},
        }


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a run's arms, by their names: trials as they ended, and why some were not measured.

    Behind each climb come the arm's trials at common rates.
    """

    climbs: Mapping[str, Sequence[Trial]]
    levels: Mapping[str, Sequence[Trial]]
    half_load: Mapping[str, Sequence[Trial]]
    not_measured: Mapping[str, str]
    first_answer_s: Mapping[str, float | None]
    experiments: Mapping[str, Sequence[Trial]] = field(default_factory=dict)


def summarise(run: str, scenario: Scenario, quick: bool, arms: Sequence[Arm], tried: Tried, runtime: Facts) -> Summary:
    """`arms` in the order to show."""
    names = [arm.name for arm in arms]
    climbs = {name: climb(tried.climbs.get(name, ())) for name in names}
    levels = {name: levels_from(tried.levels.get(name, ())) for name in names}
    cases = {name: _cases(scenario.experiment, name, tried) for name in names}
    measured = [
        name
        for name in names
        if name not in tried.not_measured
        and (_is_measured(climbs[name]) if scenario.climbs else not _void(levels[name]) and not _missing(cases[name]))
    ]
    common = _common_rate(climbs[name] for name in measured)
    results = []
    for arm in arms:
        name = arm.name
        compared = name in measured and climbs[name].held_per_s is not None
        at_common_rate = [trial for trial in tried.climbs.get(name, ()) if compared and trial.rate_per_s == common]
        reason = tried.not_measured.get(name)
        results.append(
            VariantResult(
                arm=arm,
                status="ok" if name in measured else "void",
                reasons=(reason,)
                if reason is not None
                else climbs[name].reasons or _void(levels[name]) or _missing(cases[name]),
                climb=climbs[name],
                at_common_rate=at_common_rate[-1] if at_common_rate else None,
                levels=levels[name],
                cases=cases[name],
                first_answer_s=tried.first_answer_s.get(name),
            )
        )
    telemetry = tuple(dict.fromkeys(arm.telemetry for arm in arms))
    priced = is_factor(telemetry) and not scenario.experiment
    price = prices(arms, tried.climbs, tried.half_load, tried.not_measured) if priced else {}
    return Summary(run, scenario, quick, telemetry, common, tuple(results), price, runtime)


def lacking(
    arms: Sequence[Arm], climbing: Mapping[str, Sequence[Trial]], not_measured: Collection[str]
) -> dict[int, list[str]]:
    """By rung, the arms still to be tried there, by name: others are compared with them at its rate.

    Those that held the scenario's own rate have not been below it, where others ended.
    """
    climbs = {arm.name: climb(climbing.get(arm.name, ())) for arm in arms}
    measured = [name for name, found in climbs.items() if name not in not_measured and _is_measured(found)]
    common = _common_rate(climbs[name] for name in measured)
    rungs = {trial.rate_per_s: trial.step for trials in climbing.values() for trial in trials}
    found: dict[int, list[str]] = {}
    for name, of_stack in common_rates(arms, climbs).items():
        for rate_per_s in {of_stack, common if name in measured and common else of_stack}:
            rung = rungs[rate_per_s]
            if name not in not_measured and wanted(climbing[name], rung):
                found.setdefault(rung, []).append(name)
    return found


def _common_rate(climbs: Iterable[Climb]) -> float | None:
    return min((found.held_per_s for found in climbs if found.held_per_s is not None), default=None)


def _cases(experiment: Experiment | None, name: str, tried: Tried) -> tuple[Repeats, ...]:
    if not experiment:
        return ()
    trials, dropped_out = tried.experiments.get(name, ()), name in tried.not_measured
    return tuple(repeats(experiment.kind, case, trials, dropped_out=dropped_out) for case in experiment.cases)


def _missing(cases: Sequence[Repeats]) -> tuple[str, ...]:
    """Why repeats stayed void."""
    return tuple(reason for case in cases for trial in case.missing for reason in trial.void)


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
