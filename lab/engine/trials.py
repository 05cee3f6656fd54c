"""One trial after the other: the ladder of rates, half load, and the requests beside rising levels of the workload."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from lab.core import beside, ladder, price
from lab.core.deployment import Usage
from lab.core.measurement import generator_limited, missed_objectives, void_reasons
from lab.core.trial import Part, Trial, replaced, shares
from lab.engine.plan import Failures, Plan, Ports, Target
from lab.engine.scraping import Scraping
from lab.ports import Load

WARM_UP_S = 1.0
WARM_UP_STREAMS = 10

Trials = dict[str, list[Trial]]


@dataclass(frozen=True, slots=True)
class Trying:
    """Tries the targets of one plan, by their arms' names. Those that fail are noted in `failures`, not tried again."""

    plan: Plan
    ports: Ports
    targets: Mapping[str, Target]
    failures: Failures

    def warm_up(self) -> None:
        scenario = self.plan.scenario
        load = self._load(
            rate_per_s=scenario.rate_per_s,
            streams=WARM_UP_STREAMS if scenario.streams else 0,
            beside_per_s=scenario.beside.rate_per_s if scenario.beside else 0,
            duration_s=WARM_UP_S,
        )
        for name in self.targets:
            self.ports.observer.step(f"{name}: warming up")
            self.failures.attempt(name, partial(self.ports.generator.run, self._for(name, load), lambda: None))

    def climb(self) -> Trials:
        """Rung by rung, in an order drawn anew for each rung, until every climb has ended."""
        chance = random.Random(self.plan.seed)  # noqa: S311 - an order of trials, not a secret
        trials: Trials = {name: [] for name in self.targets}
        while climbing := [name for name in self._left() if ladder.climb(trials[name]).end is None]:
            lowest = min(ladder.next_rung(trials[name]) for name in climbing)
            names = [name for name in climbing if ladder.next_rung(trials[name]) == lowest]
            for name in chance.sample(names, len(names)):
                self.failures.attempt(name, partial(self._try_rung, name, lowest, trials[name]))
        return trials

    def load_half(self, climbs: Trials) -> Trials:
        """Every arm that held any rate, several times at half of the lowest rate that the arms of its stack held."""
        arms = [target.arm for target in self.targets.values()]
        rates = price.half_loads(arms, {name: ladder.climb(tried) for name, tried in climbs.items()})
        repeats = range(price.QUICK_REPEATS if self.plan.quick else price.REPEATS)

        def try_half(name: str, repeat: int, tried: list[Trial]) -> None:
            self.ports.observer.step(f"{name}: half load, {rates[name]:.0f} requests per second")
            self._try(name, Part.HALF_LOAD, repeat, self._load(rate_per_s=rates[name]), tried)

        return self._in_turns(repeats, list(rates), try_half)

    def raise_levels(self) -> Trials:
        """Level by level of the workload."""
        levels = self.plan.scenario.beside.levels if self.plan.scenario.beside else ()
        return self._in_turns(levels, list(self.targets), self._try_level)

    def _in_turns(
        self, steps: Iterable[int], names: Sequence[str], try_one: Callable[[str, int, list[Trial]], None]
    ) -> Trials:
        """Step by step, in an order drawn anew for each, again while a trial is void."""
        chance = random.Random(self.plan.seed)  # noqa: S311 - as above
        trials: Trials = {name: [] for name in names}
        for step in steps:
            while wanted := [name for name in names if name in self._left() and beside.wanted(trials[name], step)]:
                for name in chance.sample(wanted, len(wanted)):
                    self.failures.attempt(name, partial(try_one, name, step, trials[name]))
        return trials

    def _left(self) -> list[str]:
        return [name for name in self.targets if name not in self.failures.reasons]

    def _try_rung(self, name: str, rung: int, tried: list[Trial]) -> None:
        rate_per_s = ladder.rate(self.plan.scenario.rate_per_s, rung)
        self.ports.observer.step(f"{name}: {rate_per_s:.0f} requests per second")
        self._try(name, Part.CLIMB, rung, self._load(rate_per_s=rate_per_s), tried)

    def _try_level(self, name: str, level: int, tried: list[Trial]) -> None:
        scenario = self.plan.scenario
        assert scenario.beside
        self.ports.observer.step(
            f"{name}: {scenario.beside.request.operation} beside {level} {beside.workload(scenario)}"
        )
        load = self._load(
            rate_per_s=0 if scenario.streams else level,
            streams=level if scenario.streams else 0,
            beside_per_s=scenario.beside.rate_per_s,
        )
        self._try(name, Part.BESIDE, level, load, tried)

    def _try(self, name: str, part: Part, step: int, load: Load, tried: list[Trial]) -> None:
        """With the same requests for every target, and new ones for each try."""
        trial = self._trial(name, part, step, self._for(name, replace(load, seed=self.plan.seed + 1 + len(tried))))
        tried.append(trial)
        self.ports.observer.trial(trial)

    def _load(
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
        )

    def _for(self, name: str, load: Load) -> Load:
        urls = {role: service.url for role, service in self.targets[name].services.items()}
        return replace(load, urls=urls, state=name)

    def _trial(self, name: str, part: Part, step: int, load: Load) -> Trial:
        runtime, slo = self.ports.runtime, self.plan.scenario.slo
        services = [service.name for service in self.targets[name].services.values()]
        scraping = Scraping(runtime, services)  # before and after what counts: answering it takes CPU
        samples: dict[str, list[Sequence[Usage]]] = {service: [runtime.usage(service)] for service in services}

        def sample() -> None:
            for service in services:
                samples[service].append(runtime.usage(service))

        measurement = self.ports.generator.run(load, sample)
        sample()
        scraping.take()
        restarts = [reason for taken in samples.values() for reason in replaced(taken[0], taken[-1])]
        trial = Trial(
            variant=name,
            part=part,
            step=step,
            rate_per_s=load.rate_per_s,
            measurement=measurement,
            replicas=tuple(
                share
                for service, taken in samples.items()
                for share in shares(service, taken[0], taken[1:], measurement.requests_by_connection)
            ),
            void=(*void_reasons(measurement, slo), *restarts),
            limited_by_generator=not restarts and generator_limited(measurement, slo),
            missed=missed_objectives(measurement, slo),
            lost_spans=scraping.lost_spans,
        )
        if scraping.scrapes:
            self.ports.observer.metrics(trial, scraping.scrapes)
        return trial
