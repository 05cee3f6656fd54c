"""What a run says: one result for each variant, comparable at the highest rate that all of them held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.core.beside import Level
from lab.core.beside import levels as levels_from
from lab.core.ladder import Climb, End, climb
from lab.core.scenario import Scenario
from lab.core.trial import Trial

SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True)
class VariantResult:
    """`reference` is the variant's trial at the rate compared; None where it held no common rate.

    `levels` are of a workload that has requests beside it. `first_answer_s` is the longest time from a process start to
    its first answer, over the variant's services.
    """

    name: str
    status: str
    reasons: tuple[str, ...]
    climb: Climb
    reference: Trial | None
    levels: tuple[Level, ...]
    first_answer_s: float | None

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
    """`compared_at_per_s` is the highest rate held by every variant that is ok and held any, if there is one."""

    run: str
    scenario: Scenario
    quick: bool
    compared_at_per_s: float | None
    variants: tuple[VariantResult, ...]

    @property
    def ok(self) -> bool:
        return all(variant.status == "ok" and not _void(variant.levels) for variant in self.variants)

    def document(self) -> dict[str, Any]:
        """`summary.json`, as `lab/report/summary.schema.json` describes it."""
        beside = self.scenario.beside
        return {
            "schema_version": SCHEMA_VERSION,
            "run": self.run,
            "scenario": self.scenario.name,
            "slo": {"p99_ms": self.scenario.slo.p99_ms, "error_share": self.scenario.slo.error_share},
            "quick": self.quick,
            "compared_at_per_s": self.compared_at_per_s,
            "beside": {"operation": beside.request.operation, "rate_per_s": beside.rate_per_s} if beside else None,
            "variants": {variant.name: variant.document() for variant in self.variants},
        }


def summarise(
    run: str,
    scenario: Scenario,
    quick: bool,
    names: Sequence[str],
    climbs_of: Mapping[str, Sequence[Trial]],
    levels_of: Mapping[str, Sequence[Trial]],
    not_measured: Mapping[str, str],
    first_answer_s: Mapping[str, float],
) -> Summary:
    """`names` in the order to show; `not_measured` says of a variant why it was not measured."""
    climbs = {name: climb(climbs_of.get(name, ())) for name in names}
    levels = {name: levels_from(levels_of.get(name, ())) for name in names}
    measured = [
        name
        for name in names
        if name not in not_measured and (_is_measured(climbs[name]) if scenario.requests else not _void(levels[name]))
    ]
    common = min((held for name in measured if (held := climbs[name].held_per_s) is not None), default=None)
    results = []
    for name in names:
        tried = climbs_of.get(name, ())
        reference = [t for t in tried if t.held and t.rate_per_s == common and name in measured]
        results.append(
            VariantResult(
                name=name,
                status="ok" if name in measured else "void",
                reasons=(not_measured[name],) if name in not_measured else climbs[name].reasons or _void(levels[name]),
                climb=climbs[name],
                reference=reference[-1] if reference else None,
                levels=levels[name],
                first_answer_s=first_answer_s.get(name),
            )
        )
    return Summary(run, scenario, quick, common, tuple(results))


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
