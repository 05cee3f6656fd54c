"""Holds the simulator of `make bench-scaling` against reality: one load, on kind and simulated. The result is a page.

The load is a flash crowd of ten minutes, under our operator and under the HPA, each with its defaults. The simulated
service is what a replica on kind was measured to be: CPU and time of a request under a light load before, and how long
replicas took to start under this one. Since nobody knows how the clocks of scrapes and syncs stood, it is simulated
many times, each with clocks of its own. Exit code 1 where replica-seconds or the first reaction are too far apart.
"""

from __future__ import annotations

import platform
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from statistics import fmean, median

from scaler.spec import Objective, Spec
from shop.tokens import WRITE_SCOPES, mint

from benchmarks.scaling.arms import TICK_S, Arm, CpuHpa, Ours
from benchmarks.scaling.replay import replayed
from benchmarks.scaling.rivals import SYNC_S, Behavior
from benchmarks.scaling.service import Service
from benchmarks.scaling.traces import GENERATED_S, generated
from lab.cli.choosing import Choice, RuntimeName
from lab.cli.labs import open_lab
from lab.core.autoscaling import Autoscaler, Size
from lab.core.deployment import SMALL
from lab.core.experiment import Experiment, Kind
from lab.core.measurement import Measurement
from lab.core.scaling import pod_seconds
from lab.core.schedule import Step, mean_rate_per_s
from lab.core.stacks import stack_of
from lab.core.telemetry import Telemetry
from lab.core.trial import Trial
from lab.engine.compare import compare
from lab.engine.plan import Plan, Ports
from lab.errors import LabError
from lab.ports import Load, LoadGenerator
from lab.scenarios import load_scenario
from lab.tree import ROOT, SERVICES
from lab.variants import load_manifests

PAGE = ROOT / "docs" / "proofs" / "scaling.md"
ROLE, SCENARIO = "recommend", load_scenario("scaleout")
SLO = Objective(latency_s=SCENARIO.slo.p99_ms / 1000)
VARIANT = next(iter(load_manifests([SERVICES]).values()))
OURS, HPA = Autoscaler.HTTPAUTOSCALER, Autoscaler.HPA
NAMES = {OURS: "HTTPAutoscaler", HPA: "HPA"}
TICKS_S = {OURS: TICK_S, HPA: SYNC_S}
TARGET_PERCENT = 70  # as helm/service has it
MOST = 4
APART_MAX = 0.15  # of replica-seconds

SEED = 1
PEAK_REPLICAS = 2.0  # that the load at its peak keeps busy all the time
COMPRESSED = 3  # seconds of the generated trace that become one
STEP_S = 5
LIGHT_PER_S, LIGHT_S = 3.0, 40.0
SIMULATIONS = 50
THREADS = 4  # as many as a replica has database connections

INTERRUPTED = 130
TOKEN_LIFETIME_S = 7200


ARMS: Mapping[Autoscaler, Callable[[str], Arm]] = {
    OURS: lambda seed: Ours(Spec(max_replicas=MOST, objective=SLO), seed),
    HPA: lambda seed: CpuHpa(TARGET_PERCENT, Behavior(), MOST, seed),
}


@dataclass(frozen=True, slots=True)
class Replaying:
    """A load generator whose loads that change follow the trace instead.

    Sizes are what counts, so nothing of the clients' side makes a trial void; what the machine stole is kept apart.
    """

    generator: LoadGenerator
    trace: Sequence[Step]
    stolen: list[float] = field(default_factory=list)

    def run(self, load: Load, on_tick: Callable[[], None]) -> Measurement:
        if not load.steps:
            return self.generator.run(load, on_tick)
        load = replace(load, steps=tuple(self.trace), rate_per_s=mean_rate_per_s(self.trace))
        measured = self.generator.run(load, on_tick)
        self.stolen.append(measured.steal_share)
        return replace(measured, steal_share=0.0, schedule_lag_p99_s=0.0, generator_cpu_share=0.0)


@dataclass(frozen=True, slots=True)
class Seen:
    """Of an arm: replica-seconds, and the second at which more than one replica was asked for first; None: never."""

    pod_s: float
    first_up_s: float | None
    most: int


@dataclass
class Notes:
    """An observer that says what goes on, and keeps the trials."""

    trials: list[Trial] = field(default_factory=list)

    def step(self, text: str) -> None:
        sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")

    def contract(self, variant: str, role: str, report: object) -> None:
        self.step(f"contract {variant} {role}")

    def failed(self, variant: str, reason: str) -> None:
        raise LabError(f"{variant}: {reason}")

    def trial(self, trial: Trial) -> None:
        self.step(f"trial {trial.variant} {'; '.join(trial.void) or 'ok'}")
        self.trials.append(trial)

    def metrics(self, trial: Trial, scrapes: object) -> None:
        """Not kept."""


def flash_crowd(peak_per_s: float) -> tuple[Step, ...]:
    """The generated trace's first half, made shorter and lower."""
    rates = next(trace.rates_per_s for trace in generated(SEED) if trace.name == "flash")[: GENERATED_S // 2]
    every = COMPRESSED * STEP_S
    means = [fmean(rates[begin : begin + every]) for begin in range(0, len(rates), every)]
    return tuple(Step(peak_per_s * mean / max(means), STEP_S) for mean in means)


def seen(sizes: Sequence[Size], end_s: float) -> Seen:
    raised = [size.at_s for size in sizes if size.wanted > 1]
    return Seen(pod_seconds(sizes, end_s), raised[0] if raised else None, max(size.wanted for size in sizes))


def starts_s(sizes: Sequence[Size]) -> list[float]:
    """How long replicas took from being there until ready: those that came first are taken to be ready first."""
    waiting: list[float] = []
    found = []
    for before, after in pairwise(sizes):
        waiting += [after.at_s] * (after.there - before.there)
        if after.there < before.there:
            waiting = waiting[: max(0, after.there - after.ready)]
        for _ in range(min(len(waiting), after.ready - before.ready)):
            found.append(after.at_s - waiting.pop(0))
    return found


def service_of(light: Trial) -> Service:
    requests = sum(one.requests or 0 for one in light.replicas)
    return Service(
        f"{VARIANT.name} {ROLE}",
        cpu_s=sum(one.cpu_s for one in light.replicas) / requests,
        service_s=light.measurement.latency_ms["p50"] / 1000,
        cores=SMALL.cpu_m / 1000,
        threads=THREADS,
    )


def simulated(service: Service, by: Autoscaler, trace: Sequence[Step]) -> list[Seen]:
    end_s, seeds = sum(step.duration_s for step in trace), map(str, range(SIMULATIONS))
    return [seen(replayed(service, ARMS[by](seed), trace, SLO, seed), end_s) for seed in seeds]


def middle(found: Sequence[Seen]) -> Seen:
    """The median of each; never raised counts as later than all."""
    raised = median(one.first_up_s if one.first_up_s is not None else float("inf") for one in found)
    pods = median(one.pod_s for one in found)
    return Seen(pods, None if raised == float("inf") else raised, round(median(one.most for one in found)))


def agrees(by: Autoscaler, real: Seen, model: Seen) -> bool:
    if abs(real.pod_s / model.pod_s - 1) > APART_MAX:
        return False
    if real.first_up_s is None or model.first_up_s is None:
        return real.first_up_s == model.first_up_s
    return abs(real.first_up_s - model.first_up_s) <= TICKS_S[by]


def page(
    service: Service,
    found: Mapping[Autoscaler, tuple[Seen, Sequence[Seen]]],
    stolen: float,
    trace: Sequence[Step],
    date: str,
) -> str:
    rates = [step.rate_per_s for step in trace]
    lines = [
        "# The simulator beside a real cluster",
        "",
        f"{date}, `make prove-scaling`: kind, {platform.system()} {platform.machine()}, {VARIANT.name}'s {ROLE} with "
        f"{SMALL.cpu_m}m CPU,",
        f"from 1 to {MOST} replicas, under a flash crowd of {sum(step.duration_s for step in trace):g} s "
        f"({rates[0]:.0f} requests a second, {max(rates):.0f} at the peak, {rates[-1]:.0f} at the end).",
        "Both autoscalers have their defaults.",
        "",
        f"The simulated replica is as this one was measured: {service.cpu_s * 1000:.1f} ms of CPU and "
        f"{service.service_s * 1000:.0f} ms of time a request under",
        f"a light load, ready {service.start_s[0]:.0f} to {service.start_s[1]:.0f} s after it was asked for. "
        f"Of {SIMULATIONS} simulations, whose clocks differ,",
        "the table has the median, the least and the most.",
        "",
        "| autoscaler | | kind | simulated | least to most | apart |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for by, (real, models) in found.items():
        model = middle(models)
        pods = [one.pod_s for one in models]
        raised = [one.first_up_s for one in models if one.first_up_s is not None]
        apart = _seconds(
            None if real.first_up_s is None or model.first_up_s is None else real.first_up_s - model.first_up_s,
            "+.1f",
        )
        between = f"{min(raised):.0f}–{max(raised):.0f} s" if raised else "–"
        lines += [
            f"| {NAMES[by]} | replica-seconds | {real.pod_s:.0f} | {model.pod_s:.0f} | "
            f"{min(pods):.0f}–{max(pods):.0f} | {real.pod_s / model.pod_s - 1:+.1%} |",
            f"| | first replicas asked for at | {_seconds(real.first_up_s)} | {_seconds(model.first_up_s)} | {between} "
            f"| {apart} |",
            f"| | most asked for | {real.most} | {model.most} | "
            f"{min(one.most for one in models)}–{max(one.most for one in models)} | |",
        ]
    verdicts = ", ".join(
        f"{NAMES[by]} {'held' if agrees(by, real, middle(models)) else 'missed'}"
        for by, (real, models) in found.items()
    )
    ticks = " and ".join(f"{tick_s} s" for tick_s in TICKS_S.values())
    lines += [
        "",
        f"The goal: replica-seconds at most {APART_MAX:.0%} apart, and the first reaction at most one tick ({ticks}): "
        f"{verdicts}.",
        f"Other work took up to {stolen:.1%} of the machine meanwhile.",
        "",
    ]
    return "\n".join(lines)


def _seconds(value: float | None, form: str = ".1f") -> str:
    return "–" if value is None else f"{value:{form}} s"


def _plan(run: str, rate_per_s: float, experiment: Experiment, autoscalers: tuple[Autoscaler, ...] = ()) -> Plan:
    return Plan(
        run=run,
        scenario=replace(SCENARIO, rate_per_s=rate_per_s, experiment=experiment),
        stacks=(stack_of(VARIANT),),
        telemetry=(Telemetry.parse("metrics"),),
        roles={ROLE: (ROLE,)},
        rung_s=0,
        quick=True,
        seed=SEED,
        autoscalers=autoscalers,
    )


def _replay(trace: Sequence[Step]) -> Experiment:
    return Experiment(
        Kind.SCALEOUT,
        repeats=1,
        quick_repeats=1,
        before_s=STEP_S,
        load_s=sum(step.duration_s for step in trace),
        after_s=STEP_S,
        peak_per_s=max(step.rate_per_s for step in trace),
        max_replicas=MOST,
    )


def _measured() -> tuple[Service, tuple[Step, ...], list[Trial], float]:
    """The service under a light load, the trace that is made for it, the trials under that, and what was stolen."""
    run, notes = f"prove-scaling-{secrets.token_hex(2)}", Notes()
    light = Experiment(Kind.THROTTLE, 1, 1, load_s=LIGHT_S, limits_m=(SMALL.cpu_m,))
    with open_lab(Choice(RuntimeName.KIND, "as this proof needs it"), run, [VARIANT], SEED, 1, notes.step) as lab:
        token = mint(lab.runtime.token_key(), WRITE_SCOPES, time.time(), TOKEN_LIFETIME_S)
        ports = Ports(
            runtime=lab.runtime,
            checker=lab.checker,
            generator=lab.generator,
            observer=notes,
            fake_catalog_url=lab.fake_catalog_url,
            write_token=lambda: token,
            cluster=lab.cluster,
        )
        compare(_plan(run, LIGHT_PER_S, light), ports)
        service = service_of(notes.trials[0])
        trace = flash_crowd(PEAK_REPLICAS * service.capacity)
        notes.step(f"one replica completes {service.capacity:.1f} requests a second; replaying for ten minutes each")
        replaying = Replaying(lab.generator, trace)
        plan = _plan(run, trace[0].rate_per_s, _replay(trace), (OURS, HPA))
        compare(plan, replace(ports, generator=replaying))
    return service, trace, notes.trials, max(replaying.stolen)


def main() -> int:
    try:
        service, trace, trials, stolen = _measured()
    except KeyboardInterrupt:
        return INTERRUPTED
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if starts := [start for trial in trials for start in starts_s(trial.sizes)]:
        service = replace(service, start_s=(min(starts), max(starts)))
    end_s = sum(step.duration_s for step in trace)
    found = {
        by: (seen(trial.sizes, end_s), simulated(service, by, trace))
        for by in NAMES
        for trial in trials
        if by in trial.variant
    }
    told = page(service, found, stolen, trace, f"{datetime.now(UTC):%Y-%m-%d}")
    PAGE.write_text(told)
    sys.stdout.write(told)
    return 0 if all(agrees(by, real, middle(models)) for by, (real, models) in found.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
