"""A load that rises and falls, under the lab's operator and under an HPA: who scales when, and what clients notice.

In one comparison, so side by side: `lab compare --scenario scaleout` with a shorter load. The operator is killed at the
peak. What the machine steals meanwhile voids nothing here: a trial is told as it was, once. Where the machine is slower
than the scenario's rates suppose, the load is as much lower.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

import pytest
from shop.model import build, embeddings
from shop.nearest import Nearest

from lab.core.autoscaling import Autoscaler
from lab.core.figures import LATE_S
from lab.core.measurement import Measurement
from lab.core.scenario import Scenario
from lab.core.stacks import stack_of
from lab.core.telemetry import Telemetry
from lab.core.trial import Trial
from lab.engine.compare import compare
from lab.engine.plan import Plan, Ports
from lab.ports import Load
from lab.runtimes.kubernetes import opening, operator
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.scenarios import load_scenario
from lab.tree import SERVICES
from lab.variants import load_manifests
from lab.workers.loads import Generator
from tests.cluster.labs import Lab
from tests.engine.fakes import Notes

VARIANT = load_manifests([SERVICES])["fastapi"]
TREES = load_scenario("scaleout")
assert TREES.experiment
SHORT = replace(TREES.experiment, quick_repeats=1, before_s=5, load_s=65, after_s=35, hold_s=10)
OURS, HPA = Autoscaler.HTTPAUTOSCALER, Autoscaler.HPA
SCALED_WITHIN_S = 10  # of the step: two looks at replicas, 5 s apart
KILLED_AFTER_TICKS = 44  # of half a second, at the peak
MODEL_S = 0.007  # CPU time of a request's mathematics, where four replicas carry the peak
QUERIES = 32


def model_s() -> float:
    """What it takes on this machine, at best of some."""
    model = build()
    nearest, wanted = Nearest(model), list(islice(embeddings(model), QUERIES))

    def once() -> float:
        begun = time.process_time()
        nearest.of(wanted, 10)
        return time.process_time() - begun

    return min(once() for _ in range(20))


def fitting(scenario: Scenario) -> Scenario:
    """With rates for this machine."""
    share = min(1.0, MODEL_S / model_s())
    experiment = replace(SHORT, peak_per_s=SHORT.peak_per_s * share)
    return replace(scenario, rate_per_s=scenario.rate_per_s * share, experiment=experiment)


@dataclass
class KillingGenerator:
    """Of the load under our autoscaler, so late, it kills the operator."""

    generator: Generator
    kubectl: Kubectl

    def run(self, load: Load, on_tick: Callable[[], None]) -> Measurement:
        ticks = iter(range(1_000_000))

        def tick() -> None:
            on_tick()
            if load.steps and OURS in load.state and next(ticks) == KILLED_AFTER_TICKS:
                killed = f"--selector=app.kubernetes.io/instance={operator.RELEASE}"
                self.kubectl.run("delete", "pods", killed, "--grace-period=0", "--force", "--wait=false")

        measured = self.generator.run(load, tick)
        return replace(measured, steal_share=0, schedule_lag_p99_s=0, generator_cpu_share=0)


@pytest.fixture(scope="module")
def trials(lab: Lab) -> Mapping[Autoscaler, Trial]:
    place, platform = lab.place, opening.Platform(frozenset(lab.without.split(",")), lab.platform_values)
    notes = Notes()
    plan = Plan(
        run="tests-scaleout",
        scenario=fitting(TREES),
        stacks=(stack_of(VARIANT),),
        telemetry=(Telemetry.parse("metrics"),),
        roles={"recommend": ("recommend",)},
        rung_s=0,
        quick=True,
        seed=1,
        autoscalers=(OURS, HPA),
    )
    with (
        opening.cluster_lab(place, lab.directory, [VARIANT], platform, lambda step: None) as opened,
        opened.generator(plan.run, 1) as generator,
        opened.checker(plan.seed) as checker,
    ):
        ports = Ports(
            runtime=opened.runtime,
            checker=checker,
            generator=KillingGenerator(generator, place.kubectl),
            observer=notes,
            fake_catalog_url=checker.fake_catalog_url,
            write_token=lambda: "",
            cluster=opened.runtime,
        )
        compare(plan, ports)
    assert notes.failures == {}
    return {
        autoscaler: trial for trial in notes.trials for autoscaler in plan.autoscalers if autoscaler in trial.variant
    }


def figure(trial: Trial, name: str) -> float:
    value = trial.figures[name]
    assert value is not None, (name, trial.figures, trial.sizes)
    return value


def test_the_operator_asks_for_replicas_within_seconds_of_the_step(trials: Mapping[Autoscaler, Trial]) -> None:
    assert figure(trials[OURS], "first_up_s") <= SCALED_WITHIN_S


def test_it_is_no_later_than_an_hpa(trials: Mapping[Autoscaler, Trial]) -> None:
    of_hpa = trials[HPA].figures["first_up_s"]
    assert of_hpa is None or figure(trials[OURS], "first_up_s") <= of_hpa


def test_no_more_requests_fail_than_the_objective_allows_30_s_later(trials: Mapping[Autoscaler, Trial]) -> None:
    late = trials[OURS].measurement.seconds[int(SHORT.before_s) + LATE_S :]
    assert figure(trials[OURS], "late_failed") <= TREES.slo.error_share * sum(second.scheduled for second in late)


def test_it_goes_down_again_without_flapping_though_it_was_killed(trials: Mapping[Autoscaler, Trial]) -> None:
    assert figure(trials[OURS], "turns") == 1
    assert trials[OURS].sizes[-1].wanted == 1


def test_no_operator_is_left(lab: Lab, trials: Mapping[Autoscaler, Trial]) -> None:
    selector = f"--selector=app.kubernetes.io/instance={operator.RELEASE}"
    assert lab.place.kubectl.items("get", "deployments", selector) == []
