"""Values for tests of the core, with everything but what a case is about left plain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from lab.core.arms import Arm, arms
from lab.core.autoscaling import Autoscaler
from lab.core.deployment import Facts
from lab.core.experiment import Experiment, Kind
from lab.core.figures import of_kind
from lab.core.manifest import Manifest
from lab.core.measurement import Answers, Measurement, StreamsSeen
from lab.core.scenario import Beside, Request, Scenario, Slo, Streams
from lab.core.stacks import stack_of
from lab.core.telemetry import OFF, Telemetry
from lab.core.trial import Part, ReplicaShare, Trial


def measurement(rate_per_s: float = 100.0, answered: int = 200, p99_ms: float = 9.0) -> Measurement:
    return Measurement(
        rate_per_s=rate_per_s,
        duration_s=2.0,
        scheduled=answered,
        answered=answered,
        errors={},
        retried=0,
        latency_ms={"p50": 2.0, "p90": 4.0, "p99": p99_ms, "p99.9": p99_ms, "max": p99_ms},
        latency_histogram="",
        schedule_lag_p99_s=0.0,
        generator_cpu_share=0.1,
        steal_share=0.0,
        requests_by_connection={},
    )


def trial(
    variant: str,
    step: int,
    verdict: str = "held",
    *,
    rate_per_s: float = 0.0,
    cpu_s: float = 0.4,
    memory_bytes: int = 2**20,
    part: Part = Part.CLIMB,
) -> Trial:
    """`verdict`: held, missed, void (steal), or generator (void because the generator was the limit)."""
    rate = rate_per_s or 100.0 * 1.5**step
    return Trial(
        variant=variant,
        part=part,
        step=step,
        rate_per_s=rate,
        measurement=measurement(rate),
        replicas=(ReplicaShare(f"{variant}-catalog", f"{variant}-catalog-0", cpu_s, memory_bytes, 200),),
        void={"void": ("steal 5.0 %",), "generator": ("generator used 90 %",)}.get(verdict, ()),
        limited_by_generator=verdict == "generator",
        missed=("p99 300 ms is above 100 ms",) if verdict == "missed" else (),
    )


def level_trial(
    variant: str,
    level: int,
    *,
    rate_per_s: float = 0.0,
    streams: StreamsSeen | None = None,
    memory_bytes: int = 2**20,
    void: tuple[str, ...] = (),
) -> Trial:
    """Ping at 100 per second, beside `streams` or a workload."""
    found = replace(measurement(rate_per_s), beside=answers(), streams=streams)
    plain = trial(variant, level, memory_bytes=memory_bytes, part=Part.BESIDE)
    return replace(plain, measurement=found, void=void)


def repeat_trial(
    variant: str,
    repeat: int,
    kind: Kind,
    figures: Mapping[str, float | None],
    *,
    case: str = "",
    void: tuple[str, ...] = (),
) -> Trial:
    """Of an experiment; figures that are not given are not known."""
    plain = trial(variant, repeat, part=Part.EXPERIMENT, rate_per_s=30)
    return replace(plain, case=case, void=void, figures=of_kind(kind, figures))


def answers(p99_ms: float = 3.0) -> Answers:
    latency_ms = {"p50": 1.0, "p90": 2.0, "p99": p99_ms, "p99.9": p99_ms, "max": p99_ms}
    return Answers(100.0, 200, 200, {}, 0, latency_ms, "")


def streams_seen(wanted: int, held: int) -> StreamsSeen:
    return StreamsSeen(wanted, held, wanted - held, {}, held, {"p50": 4.0, "p99": 8.0, "max": 8.0} if held else None)


def manifest(name: str, *roles: str) -> Manifest:
    return Manifest(
        name=name,
        title=name,
        folder=Path("services") / name,
        roles=roles,
        start=("{python}", "main.py"),
        migrate=("{python}", "migrate.py") if roles else (),
        versions=(),
        baselines={},
        middleware=(),
        differences=(),
        outside_contract=(),
    )


def arms_of(
    *names: str, levels: tuple[Telemetry, ...] = (OFF,), autoscalers: tuple[Autoscaler, ...] = ()
) -> tuple[Arm, ...]:
    """Of variants that play the catalog."""
    return arms([stack_of(manifest(name, "catalog")) for name in names], levels, autoscalers)


FACTS = Facts("fake", "not pinned", "Nothing is limited.", {})

SCENARIO = Scenario(
    name="browse",
    title="Browsing",
    rate_per_s=100.0,
    timeout_s=5.0,
    requests=(Request("listProducts", 1, {}, {}, {}, None),),
    slo=Slo(p99_ms=100.0, error_share=0.001),
)

PING = Request("ping", 1, {}, {}, {}, None)

BESIDE = replace(SCENARIO, requests=(PING,), beside=Beside(PING, 100.0, (0, 20)))

STREAM = replace(
    SCENARIO,
    name="stream",
    rate_per_s=0,
    requests=(),
    streams=Streams(PING, PING, PING),
    beside=Beside(PING, 100.0, (0, 10, 1000)),
)

ROLLOUT = replace(
    SCENARIO,
    name="rollout",
    rate_per_s=30.0,
    experiment=Experiment(
        Kind.ROLLOUT, repeats=10, quick_repeats=2, replicas=2, before_s=5.0, load_s=60.0, after_s=10.0
    ),
)

COLDSTART = replace(SCENARIO, name="coldstart", rate_per_s=0.0, experiment=Experiment(Kind.COLDSTART, 3, 2))

THROTTLE = replace(
    SCENARIO, name="throttle", experiment=Experiment(Kind.THROTTLE, 3, 2, load_s=20, limits_m=(250, 500))
)

FOOTPRINT = replace(SCENARIO, name="footprint", experiment=Experiment(Kind.FOOTPRINT, 3, 2, rest_s=20.0, load_s=20.0))

SCALEOUT = replace(
    SCENARIO,
    name="scaleout",
    rate_per_s=10.0,
    experiment=Experiment(
        Kind.SCALEOUT, 3, 2, before_s=10.0, load_s=120.0, after_s=40.0, peak_per_s=80.0, max_replicas=4, hold_s=20
    ),
)


def with_kind(kind: Kind) -> Scenario:
    """That of the rollout, with something else that happens."""
    assert ROLLOUT.experiment
    return replace(ROLLOUT, name=kind.value, experiment=replace(ROLLOUT.experiment, kind=kind))
