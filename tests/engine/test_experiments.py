"""What is done to services on a cluster: in turns, again where it is void, and what becomes of arms that fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from lab.core.autoscaling import Autoscaler, Size
from lab.core.deployment import Resources
from lab.core.experiment import Kind
from lab.core.figures import Verdict
from lab.core.scenario import Scenario
from lab.core.schedule import Step
from lab.core.stacks import Stack, stack_of
from lab.core.summary import Summary
from lab.core.telemetry import OFF
from lab.core.trial import Part
from lab.engine.compare import compare
from lab.engine.plan import Plan, Ports
from lab.errors import InputError
from tests.core.made import COLDSTART, FOOTPRINT, ROLLOUT, SCALEOUT, SCENARIO, THROTTLE, manifest, with_kind
from tests.engine.clusters import FakeCluster, PassingLoad
from tests.engine.fakes import FakeChecker, Notes

CATALOG = {"catalog": ("getProduct",)}
ORDERS = {"catalog": ("getProduct",), "orders": ("placeOrder",)}


class World:
    def __init__(
        self,
        *variants: str,
        failing: Mapping[int, int] | None = None,
        void_times: int = 0,
        refused: tuple[tuple[str, str], ...] = (),
        roll_s: float = 20.0,
    ) -> None:
        self.cluster = FakeCluster(refused=refused, took_s={"roll": roll_s})
        self.load = PassingLoad(self.cluster, failing or {}, void_times)
        self.notes = Notes()
        self.variants = [manifest(name, "catalog", "orders") for name in variants]

    def compare(
        self,
        scenario: Scenario,
        *,
        roles: Mapping[str, tuple[str, ...]] = CATALOG,
        stacks: Sequence[Stack] = (),
        on_cluster: bool = True,
        autoscalers: tuple[Autoscaler, ...] = (),
    ) -> Summary:
        compared = tuple(stacks) or tuple(map(stack_of, self.variants))
        plan = Plan("run", scenario, compared, (OFF,), roles, 2.0, True, 7, autoscalers)
        ports = Ports(
            runtime=self.cluster,
            checker=FakeChecker(),
            generator=self.load,
            observer=self.notes,
            fake_catalog_url=lambda: "http://fake-catalog",
            write_token=lambda: "token",
            cluster=self.cluster if on_cluster else None,
        )
        return compare(plan, ports, self.cluster.pace())

    def happened(self, what: str) -> list[str]:
        return [name for done, name in self.cluster.done if done == what]


def test_rollouts_are_interleaved_and_told_with_their_figures() -> None:
    world = World("a", "b", failing={7: 2})
    found = world.compare(ROLLOUT)
    assert [(trial.part, trial.step) for trial in world.notes.trials] == [(Part.EXPERIMENT, s) for s in (0, 0, 1, 1)]
    assert {trial.variant for trial in world.notes.trials[:2]} == {"a", "b"}
    assert world.notes.trials[0].figures == {
        "requests": 1800,
        "failed": 2,
        "retried": 0,
        "slow": 0,
        "duration_s": 20.0,
    }
    assert [result.cases[0].verdict for result in found.variants] == [Verdict.MISSED, Verdict.MISSED]
    assert found.ok


def test_only_the_arm_under_trial_has_replicas() -> None:
    world = World("a", "b")
    world.compare(ROLLOUT)
    assert world.cluster.most_replicas == 2
    up = [name for done, name in world.cluster.done if done in ("scale to 2", "roll")]
    assert up[::2] == up[1::2]


def test_every_repeat_has_new_replicas_that_are_warmed_up() -> None:
    world = World("a")
    world.compare(ROLLOUT)
    assert [what for what, _ in world.cluster.done] == [
        "deploy",
        "scale to 2",
        "roll",
        "scale to 0",
        "scale to 2",
        "roll",
    ]
    assert [load.duration_s for load in world.load.loads] == [1.0, 60.0, 1.0, 60.0]


@pytest.mark.parametrize(("kind", "verb"), [(Kind.PODKILL, "kill"), (Kind.DRAIN, "evict")])
def test_one_replica_is_taken_and_the_slo_holds_again(kind: Kind, verb: str) -> None:
    world = World("a", failing={5: 3, 7: 1})
    world.compare(with_kind(kind))
    assert world.happened(verb) == ["trial-a-catalog"] * 2
    assert [trial.figures["recovery_s"] for trial in world.notes.trials] == [3.0, 3.0]


def test_what_is_over_too_late_is_void_and_repeated_three_times_at_most() -> None:
    world = World("a", roll_s=50.0)
    found = world.compare(ROLLOUT)
    assert [trial.step for trial in world.notes.trials] == [0, 0, 0, 1, 1, 1]
    reason = "the rollout was over 55.0 s into 60 s of load, which leaves less than 10 s"
    assert {trial.void for trial in world.notes.trials} == {(reason,)}
    assert not found.ok
    assert found.variants[0].reasons == (reason, reason)


def test_a_repeat_under_a_load_that_is_void_is_done_again() -> None:
    world = World("a", void_times=1)
    found = world.compare(ROLLOUT)
    assert [(trial.step, bool(trial.void)) for trial in world.notes.trials] == [(0, True), (0, False), (1, False)]
    assert found.ok


def test_replicas_that_come_and_go_make_a_rollout_no_less_believable() -> None:
    world = World("a")
    world.compare(ROLLOUT)
    assert [(trial.replicas, trial.void) for trial in world.notes.trials] == [((), ())] * 2


def test_a_start_from_nothing_needs_no_load() -> None:
    world = World("a")
    found = world.compare(COLDSTART)
    assert world.load.loads == []
    assert world.happened("start") == ["trial-a-catalog"] * 2
    assert world.cluster.replicas == {"trial-a-catalog": 0}  # but for the one that was started
    assert world.notes.trials[0].figures["setup_s"] == 4.0
    assert found.ok


def test_what_a_service_calls_is_there_when_it_starts() -> None:
    world = World("a")
    world.compare(COLDSTART, roles=ORDERS)
    assert ("scale to 1", "trial-a-catalog") in world.cluster.done
    assert world.happened("start") == ["trial-a-orders"] * 2


def test_every_limit_is_a_deployment_and_all_are_tried_in_each_repeat() -> None:
    world = World("a", "b")
    found = world.compare(THROTTLE)
    assert {name: made.resources for name, made in world.cluster.deployed.items()} == {
        f"trial-{variant}.{limit}m-catalog": Resources(limit, 256, 250) for variant in "ab" for limit in (250, 500)
    }
    first = {(trial.variant, trial.case) for trial in world.notes.trials[:4]}
    assert first == {(variant, case) for variant in "ab" for case in ("250m", "500m")}
    assert [[case.case for case in result.cases] for result in found.variants] == [["250m", "500m"]] * 2
    assert world.notes.trials[0].figures["throttled_share"] == pytest.approx(0.1, abs=0.01)


def test_a_load_is_named_as_the_pods_of_its_variant_are_in_every_case() -> None:
    world = World("a")
    world.compare(THROTTLE)
    assert {(load.state, load.variant) for load in world.load.loads} == {("a, 250m", "a"), ("a, 500m", "a")}


def test_throttled_replicas_are_not_looked_into_meanwhile() -> None:
    world = World("a")
    world.compare(THROTTLE)
    shares = [trial.replicas[0] for trial in world.notes.trials]
    assert [share.cpu_s for share in shares] == [pytest.approx(0.2)] * 4


def test_looks_into_a_replica_are_not_counted_as_waits_of_the_load() -> None:
    world = World("a")
    world.cluster.look_cpu_s = 0.05
    world.compare(THROTTLE)
    assert [trial.figures["throttled_s"] for trial in world.notes.trials] == [pytest.approx(0.2)] * 4


def test_looks_into_a_replica_are_not_counted_as_its_rest() -> None:
    world = World("a")
    world.cluster.look_cpu_s = 0.05
    world.compare(FOOTPRINT)
    assert [trial.figures["cpu_rest_cores"] for trial in world.notes.trials] == [pytest.approx(0.01)] * 2


def test_a_footprint_is_taken_at_rest_then_under_load() -> None:
    world = World("a")
    world.compare(FOOTPRINT)
    assert world.notes.trials[0].figures == {
        "image_bytes": 200 * 2**20,
        "memory_rest_bytes": 2**20,
        "memory_load_bytes": 2**20,
        "cpu_rest_cores": pytest.approx(0.01),
    }


def test_every_stack_meets_the_same_load_under_every_autoscaler() -> None:
    world = World("a", "b")
    found = world.compare(SCALEOUT, autoscalers=(Autoscaler.HPA, Autoscaler.NONE))
    names = ["a, hpa", "a, none", "b, hpa", "b, none"]
    assert [result.name for result in found.variants] == names
    assert sorted(trial.variant for trial in world.notes.trials) == sorted(names * 2)
    loads = [load for load in world.load.loads if load.steps]
    assert {(load.steps, load.duration_s) for load in loads} == {((Step(10, 10), Step(80, 70), Step(10, 40)), 120)}
    assert {load.state for load in loads} == set(names)


def test_an_autoscaler_is_there_for_the_load_alone() -> None:
    world = World("a")
    world.compare(SCALEOUT, autoscalers=(Autoscaler.HTTPAUTOSCALER,))
    once = ["scale to 1", "autoscale by httpautoscaler, 4 at most", "autoscale no more"]
    assert [what for what, _ in world.cluster.done] == ["deploy", *once, "scale to 0", *once]


def test_replicas_are_told_from_the_begin_of_the_load() -> None:
    world = World("a")
    world.cluster.grown = {15.0: 4, 110.0: 1}
    world.compare(SCALEOUT, autoscalers=(Autoscaler.HPA,))
    trial = world.notes.trials[0]
    assert trial.sizes == (Size(0, 1, 1, 1), Size(15, 4, 4, 4), Size(110, 1, 1, 1))
    figures = {name: trial.figures[name] for name in ("first_up_s", "all_ready_s", "down_s", "turns", "pod_s")}
    assert figures == {"first_up_s": 5, "all_ready_s": 5, "down_s": 30, "turns": 1, "pod_s": 15 + 4 * 95 + 10}


FAILING: list[tuple[str, tuple[str, str], int]] = [
    # case                 what a cannot do                   loads of a
    ("does not roll", ("roll", "trial-a-catalog"), 2),
    ("finds no room", ("scale to 2", "trial-a-catalog"), 0),
    ("does not start", ("deploy", "trial-a-catalog"), 0),
]


@pytest.mark.parametrize(("refused", "loads"), [case[1:] for case in FAILING], ids=[case[0] for case in FAILING])
def test_an_arm_that_fails_drops_out_with_its_text_and_the_others_go_on(refused: tuple[str, str], loads: int) -> None:
    world = World("a", "b", refused=(refused,))
    found = world.compare(ROLLOUT)
    assert world.notes.failures == {"a": f"cannot {' '.join(refused)}"}
    assert [trial.variant for trial in world.notes.trials] == ["b", "b"]
    assert [(result.status, bool(result.cases[0].figures)) for result in found.variants] == [
        ("void", False),
        ("ok", True),
    ]
    assert [load.state for load in world.load.loads].count("a") == loads  # a warm-up, and the load until its end


def test_what_does_not_start_keeps_no_room() -> None:
    world = World("a", "b", refused=(("deploy", "trial-a-orders"),))
    world.compare(ROLLOUT, roles=ORDERS)
    assert world.happened("remove") == ["trial-a-catalog", "trial-a-orders"]


@pytest.mark.parametrize("scenario", [ROLLOUT, SCENARIO], ids=["experiment", "climb"])
def test_an_arm_whose_replicas_do_not_end_drops_out_alone(scenario: Scenario) -> None:
    world = World("a", "b", "c", refused=(("scale to 0", "trial-b-catalog"),))
    found = world.compare(scenario)
    assert world.notes.failures == {"b": "cannot scale to 0 trial-b-catalog"}
    assert [result.status for result in found.variants] == ["ok", "void", "ok"]
    assert len([trial for trial in world.notes.trials if trial.variant == "b"]) == 1


def test_an_arm_alone_is_not_tried_again_where_its_replicas_do_not_end() -> None:
    world = World("a", refused=(("scale to 0", "trial-a-catalog"),))
    world.compare(ROLLOUT)
    assert [trial.step for trial in world.notes.trials] == [0]


def test_it_needs_a_cluster() -> None:
    with pytest.raises(InputError, match="scenario rollout needs --runtime kind or kubernetes"):
        World("a").compare(ROLLOUT, on_cluster=False)


def test_on_a_cluster_a_climb_has_one_arm_at_a_time_on_stage_too() -> None:
    world = World("a", "b")
    world.compare(SCENARIO)
    assert world.cluster.most_replicas == 1
    assert not world.notes.failures
