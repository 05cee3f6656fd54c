"""What a scenario does to a service on a cluster, and the figures of it: repeat by repeat, every arm in turn.

Every repeat begins with new replicas, warmed up: what an earlier one left behind (a back-off after restarts, memory,
caches) is no part of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from lab.core import figures, scaling
from lab.core.autoscaling import Autoscaling, since
from lab.core.deployment import Throttling
from lab.core.experiment import Experiment, Kind
from lab.core.figures import NOTHING_SENT, Figures
from lab.core.measurement import Measurement
from lab.core.schedule import mean_rate_per_s
from lab.core.trial import Part, Trial, replaced
from lab.engine.happening import Happening, Pace
from lab.engine.measuring import Measuring
from lab.engine.plan import Failures, Target
from lab.engine.turns import Trials, in_turns
from lab.errors import LabError
from lab.ports import Cluster, Load

HAPPENINGS: Mapping[Kind, Callable[[Cluster, str], object]] = {
    Kind.ROLLOUT: lambda cluster, name: cluster.roll(name),
    Kind.PODKILL: lambda cluster, name: cluster.kill(name),
    Kind.DRAIN: lambda cluster, name: cluster.evict(name),
}


@dataclass(frozen=True, slots=True)
class Experimenting:
    """Of a plan whose scenario has an experiment, on a cluster. Those that fail are noted, not tried again."""

    measuring: Measuring
    experiment: Experiment
    cluster: Cluster
    targets: Mapping[str, Target]
    failures: Failures
    pace: Pace

    def repeat(self) -> Trials:
        """Trials by the arms' names, all cases of an arm together."""
        plan, kind = self.measuring.plan, self.experiment.kind
        repeats = range(self.experiment.quick_repeats if plan.quick else self.experiment.repeats)
        ways = {
            Kind.COLDSTART: self._start,
            Kind.THROTTLE: self._throttle,
            Kind.FOOTPRINT: self._weigh,
            Kind.SCALEOUT: self._scale_out,
        }
        way = ways.get(kind, self._happen)

        def try_one(target: Target, repeat: int, tried: list[Trial]) -> None:
            self.measuring.ports.observer.step(f"{target.name}: {kind}, repeat {repeat + 1} of {len(repeats)}")
            self.measuring.stage.clear()
            if target.arm.name in self.failures.reasons:  # those of its last repeat don't end
                return
            trial = way(target, repeat, tried)
            tried.append(trial)
            self.measuring.ports.observer.trial(trial)

        by_target = in_turns(repeats, self.targets, self.failures, plan.seed, try_one)
        trials: Trials = {}
        for name, tried in by_target.items():
            trials.setdefault(self.targets[name].arm.name, []).extend(tried)
        return trials

    def _happen(self, target: Target, repeat: int, tried: list[Trial]) -> Trial:
        experiment, slo = self.experiment, self.measuring.plan.scenario.slo
        happening = Happening(
            partial(HAPPENINGS[experiment.kind], self.cluster, target.subject.name), experiment.before_s, self.pace
        )
        self.measuring.prepare(target, experiment.replicas)
        try:
            trial = self.measuring.trial(
                target,
                Part.EXPERIMENT,
                repeat,
                self._load(),
                tried,
                on_tick=happening.tick,
                on_over=happening.over,
                looks=False,
            )
        except LabError:
            happening.wait()
            raise
        happening.wait()
        if not (times := happening.times()):
            return self._with(trial, {}, f"the load ended before the {experiment.kind} began")
        began_s, ended_s = times
        left_s = experiment.load_s - ended_s
        late = f"the {experiment.kind} was over {ended_s:.1f} s into {experiment.load_s:g} s of load"
        return self._with(
            trial,
            figures.of_event(trial.measurement.seconds, slo, began_s, ended_s),
            *((f"{late}, which leaves less than {experiment.after_s:g} s",) if left_s < experiment.after_s else ()),
        )

    def _start(self, target: Target, repeat: int, tried: list[Trial]) -> Trial:
        self.measuring.stage.enter(target, replicas=0)
        start = self.cluster.start(target.subject.name)
        nothing = Trial(
            variant=target.arm.name,
            part=Part.EXPERIMENT,
            step=repeat,
            rate_per_s=0.0,
            measurement=NOTHING_SENT,
            replicas=(),
            void=(),
            limited_by_generator=False,
            missed=(),
        )
        return self._with(nothing, figures.of_start(start))

    def _throttle(self, target: Target, repeat: int, tried: list[Trial]) -> Trial:
        readings: list[Sequence[Throttling]] = []

        def read() -> None:
            readings.append(self.cluster.throttling(target.subject.name))

        self.measuring.prepare(target)
        trial = self.measuring.trial(
            target, Part.EXPERIMENT, repeat, self._load(), tried, on_begin=read, on_over=lambda measurement: read()
        )
        before, after = readings
        return self._with(trial, figures.of_throttling(before, after))

    def _weigh(self, target: Target, repeat: int, tried: list[Trial]) -> Trial:
        subject = target.subject.name
        self.measuring.prepare(target)
        first, before = self.cluster.usage(subject), self.cluster.usage(subject)
        began = self.pace.clock()
        self.pace.sleep(self.experiment.rest_s)
        after = self.cluster.usage(subject)
        rest = figures.of_rest(first, before, after, self.pace.clock() - began)
        trial = self.measuring.trial(target, Part.EXPERIMENT, repeat, self._load(), tried)
        loaded = [share.memory_bytes for share in trial.replicas if share.service == subject]
        known: Figures = {
            **rest,
            "image_bytes": self.cluster.image_bytes(target.subject_variant),
            "memory_load_bytes": sum(loaded) if loaded else None,
        }
        return self._with(trial, known, *replaced(before, after))

    def _scale_out(self, target: Target, repeat: int, tried: list[Trial]) -> Trial:
        experiment, slo, subject = self.experiment, self.measuring.plan.scenario.slo, target.subject.name
        began_at = 0.0

        def over(measurement: Measurement) -> None:
            nonlocal began_at
            began_at = self.pace.clock() - measurement.duration_s

        assert target.arm.autoscaler
        autoscaling = Autoscaling(target.arm.autoscaler, experiment.max_replicas, slo.p99_ms / 1000, experiment.hold_s)
        self.measuring.prepare(target)
        with self.cluster.autoscaled(subject, autoscaling), self.cluster.sizes(subject) as sizes:
            trial = self.measuring.trial(
                target, Part.EXPERIMENT, repeat, self._load(), tried, on_over=over, looks=False
            )
            seen = since(sizes(), began_at, began_at + experiment.load_s)
        found = scaling.of_scaling(experiment, slo, trial.measurement.seconds, seen)
        return replace(self._with(trial, found), sizes=seen)

    def _load(self) -> Load:
        experiment, rate_per_s = self.experiment, self.measuring.plan.scenario.rate_per_s
        if steps := experiment.steps(rate_per_s):
            rate_per_s = mean_rate_per_s(steps)
        return replace(self.measuring.load(rate_per_s=rate_per_s, duration_s=experiment.load_s), steps=steps)

    def _with(self, trial: Trial, known: Figures, *void: str) -> Trial:
        of_load = figures.of_load(trial.measurement)
        found = figures.of_kind(self.experiment.kind, {**of_load, **known})
        return replace(trial, figures=found, void=(*trial.void, *void))
