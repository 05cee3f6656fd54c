"""One trial after the other: the ladder of rates, half load, and the requests beside rising levels of the workload."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from lab.core import beside, ladder, price, summary
from lab.core.trial import Part, Trial
from lab.engine.measuring import Measuring
from lab.engine.plan import Failures, Target
from lab.engine.turns import Trials, in_turns, left
from lab.ports import Load


@dataclass(frozen=True, slots=True)
class Trying:
    """Tries the targets of one plan, by their arms' names. Those that fail are noted in `failures`, not tried again."""

    measuring: Measuring
    targets: Mapping[str, Target]
    failures: Failures

    def climb(self) -> Trials:
        """Rung by rung, in an order drawn anew for each rung, until every climb has ended."""
        chance = random.Random(self.measuring.plan.seed)  # noqa: S311 - an order of trials, not a secret
        trials: Trials = {name: [] for name in self.targets}
        while climbing := [
            name for name in left(self.targets, self.failures) if ladder.climb(trials[name]).end is None
        ]:
            lowest = min(ladder.next_rung(trials[name]) for name in climbing)
            names = [name for name in climbing if ladder.next_rung(trials[name]) == lowest]
            for name in chance.sample(names, len(names)):
                self.failures.attempt(
                    name, partial(self._try_rung, Part.CLIMB, self.targets[name], lowest, trials[name])
                )
        return trials

    def meet(self, climbs: Trials) -> Trials:
        """The climbs, and behind them a trial of every arm at each rate at which others are compared with it."""
        arms, seed = [target.arm for target in self.targets.values()], self.measuring.plan.seed
        met = dict(climbs)
        while lacking := summary.lacking(arms, met, self.failures.reasons):
            rung = max(lacking)
            targets = {name: self.targets[name] for name in lacking[rung]}
            met |= in_turns([rung], targets, self.failures, seed, partial(self._try_rung, Part.COMMON_RATE), met)
        return met

    def load_half(self, climbs: Trials) -> Trials:
        """Every arm that held any rate, several times at half of the lowest rate that the arms of its stack held."""
        arms = [target.arm for target in self.targets.values()]
        rates = price.half_loads(arms, {name: ladder.climb(tried) for name, tried in climbs.items()})
        repeats = range(price.QUICK_REPEATS if self.measuring.plan.quick else price.REPEATS)

        def try_half(target: Target, repeat: int, tried: list[Trial]) -> None:
            rate_per_s = rates[target.arm.name]
            text = f"half load, {rate_per_s:.0f} requests per second"
            self._try(target, Part.HALF_LOAD, repeat, self.measuring.load(rate_per_s=rate_per_s), tried, text)

        loaded = {name: self.targets[name] for name in rates}
        return in_turns(repeats, loaded, self.failures, self.measuring.plan.seed, try_half)

    def raise_levels(self) -> Trials:
        """Level by level of the workload."""
        plan = self.measuring.plan
        levels = plan.scenario.beside.levels if plan.scenario.beside else ()
        return in_turns(levels, self.targets, self.failures, plan.seed, self._try_level)

    def _try_rung(self, part: Part, target: Target, rung: int, tried: list[Trial]) -> None:
        rate_per_s = ladder.rate(self.measuring.plan.scenario.rate_per_s, rung)
        text = f"{rate_per_s:.0f} requests per second"
        self._try(target, part, rung, self.measuring.load(rate_per_s=rate_per_s), tried, text)

    def _try_level(self, target: Target, level: int, tried: list[Trial]) -> None:
        scenario = self.measuring.plan.scenario
        assert scenario.beside
        text = f"{scenario.beside.request.operation} beside {level} {beside.workload(scenario)}"
        load = self.measuring.load(
            rate_per_s=0 if scenario.streams else level,
            streams=level if scenario.streams else 0,
            beside_per_s=scenario.beside.rate_per_s,
        )
        self._try(target, Part.BESIDE, level, load, tried, text)

    def _try(self, target: Target, part: Part, step: int, load: Load, tried: list[Trial], text: str) -> None:
        self.measuring.prepare(target)
        self.measuring.ports.observer.step(f"{target.name}: {text}")
        trial = self.measuring.trial(target, part, step, load, tried)
        tried.append(trial)
        self.measuring.ports.observer.trial(trial)
