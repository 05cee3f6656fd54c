"""Puts one target on stage and under one load, and says what became of it: a trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lab.core.deployment import Usage
from lab.core.measurement import Measurement, generator_limited, missed_objectives, void_reasons
from lab.core.trial import Part, Trial, replaced, shares
from lab.engine.plan import Plan, Ports, Target
from lab.engine.scraping import Scraping
from lab.engine.stage import Stage
from lab.ports import Load

WARM_UP_S = 1.0
WARM_UP_STREAMS = 10


@dataclass(frozen=True, slots=True)
class Measuring:
    plan: Plan
    ports: Ports
    stage: Stage

    def prepare(self, target: Target, replicas: int = 1) -> None:
        """Returns when it is on stage, warmed up if it was not before."""
        if not self.stage.enter(target, replicas):
            return
        scenario = self.plan.scenario
        self.ports.observer.step(f"{target.name}: warming up")
        load = self.load(
            rate_per_s=scenario.rate_per_s,
            streams=WARM_UP_STREAMS if scenario.streams else 0,
            beside_per_s=scenario.beside.rate_per_s if scenario.beside else 0,
            duration_s=WARM_UP_S,
        )
        self.ports.generator.run(self._for(target, load), lambda: None)

    def load(
        self, *, rate_per_s: float, streams: int = 0, beside_per_s: float = 0, duration_s: float | None = None
    ) -> Load:
        """For no target yet."""
        return Load(
            scenario=self.plan.scenario,
            urls={},
            state="",
            rate_per_s=rate_per_s,
            streams=streams,
            beside_per_s=beside_per_s,
            duration_s=self.plan.rung_s if duration_s is None else duration_s,
            seed=self.plan.seed,
            token=self.ports.write_token(),
            run=self.plan.run,
        )

    def trial(
        self,
        target: Target,
        part: Part,
        step: int,
        load: Load,
        tried: Sequence[Trial],
        *,
        on_tick: Callable[[], None] | None = None,
        on_begin: Callable[[], None] = lambda: None,
        on_over: Callable[[Measurement], None] = lambda measurement: None,
        looks: bool = True,
    ) -> Trial:
        """With the same requests for every target, and new ones after all that were `tried`.

        `on_tick` where something else is done meanwhile than to look at the replicas; where these come and go, nobody
        `looks` at them at all. `on_begin` is called right before the load and `on_over` right after it, inside of the
        looks. The target is prepared.
        """
        number = len(tried) + 1
        load = self._for(target, replace(load, seed=self.plan.seed + number, trial=f"{part.value}-{step}-{number}"))
        runtime, slo = self.ports.runtime, self.plan.scenario.slo
        services = [service.name for service in target.services.values()]
        scraping = Scraping(runtime, services)  # before and after what counts: answering it takes CPU
        samples: dict[str, list[Sequence[Usage]]] = {service: [] for service in services if looks}

        def sample() -> None:
            for service, taken in samples.items():
                taken.append(runtime.usage(service))

        sample()
        # A look into a replica on a cluster takes CPU of its own limit.
        meanwhile = (lambda: None) if self.ports.cluster else sample
        on_begin()
        measurement = self.ports.generator.run(load, on_tick or meanwhile)
        on_over(measurement)
        sample()
        scraping.take()
        restarts = [reason for taken in samples.values() for reason in replaced(taken[0], taken[-1])]
        trial = Trial(
            variant=target.arm.name,
            part=part,
            step=step,
            rate_per_s=load.rate_per_s,
            measurement=measurement,
            replicas=tuple(
                replace(share, requests=scraping.requests.get(share.replica))
                for service, taken in samples.items()
                for share in shares(service, taken[0], taken[1:], measurement.requests_by_connection)
            ),
            void=(*void_reasons(measurement, slo), *restarts),
            limited_by_generator=not restarts and generator_limited(measurement, slo),
            missed=missed_objectives(measurement, slo),
            lost_spans=scraping.lost_spans,
            case=target.case,
        )
        if scraping.scrapes:
            self.ports.observer.metrics(trial, scraping.scrapes)
        return trial

    def _for(self, target: Target, load: Load) -> Load:
        urls = {role: service.url for role, service in target.services.items()}
        return replace(load, urls=urls, state=target.name, variant=target.arm.stack.name)
