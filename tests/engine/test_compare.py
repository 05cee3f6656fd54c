"""What a comparison does with variants that are fast, slow, broken, or gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from lab.core.scenario import Scenario
from lab.core.stacks import Stack, stack_of
from lab.core.summary import Summary
from lab.core.telemetry import OFF, Mode, Telemetry
from lab.core.trial import Part
from lab.engine.compare import compare
from lab.engine.plan import Plan, Ports
from tests.core.made import BESIDE, SCENARIO, STREAM, manifest
from tests.engine.fakes import FakeChecker, FakeGenerator, FakeRuntime, Notes

CATALOG = {"catalog": ("getProduct",)}
BOTH = {"catalog": ("getProduct",), "orders": ("placeOrder",)}


class World:
    def __init__(
        self,
        capacity_per_s: Mapping[str, float],
        *,
        broken: tuple[str, ...] = (),
        crashing: tuple[str, ...] = (),
        void_first: bool = False,
        variants: tuple[str, ...] = (),
    ) -> None:
        """`variants` where the arms that have the capacities are named otherwise."""
        self.runtime = FakeRuntime(crashing)
        self.checker = FakeChecker(broken)
        self.generator = FakeGenerator(self.runtime, capacity_per_s, void_first)
        self.notes = Notes()
        self.variants = [manifest(name, "catalog", "orders") for name in variants or capacity_per_s]

    def compare(
        self,
        roles: Mapping[str, tuple[str, ...]] = CATALOG,
        stacks: Sequence[Stack] = (),
        scenario: Scenario = SCENARIO,
        telemetry: tuple[Telemetry, ...] = (OFF,),
    ) -> Summary:
        compared = tuple(stacks) or tuple(map(stack_of, self.variants))
        plan = Plan("run", scenario, compared, telemetry, roles, 2.0, True, 7)
        ports = Ports(
            self.runtime,
            self.checker,
            self.generator,
            self.notes,
            lambda: "http://fake-catalog",
            lambda: "token",
            "http://receiver",
        )
        return compare(plan, ports)


def test_each_variant_climbs_to_its_own_limit_on_one_ladder() -> None:
    world = World({"slow": 120, "fast": 230})
    found = world.compare()
    assert {v.name: (v.climb.held_per_s, v.climb.missed_per_s) for v in found.variants} == {
        "slow": (100, 150),
        "fast": (225, 338),
    }
    assert found.compared_at_per_s == 100


def test_rungs_are_interleaved() -> None:
    world = World({"a": 160, "b": 160})
    world.compare()
    assert [trial.step for trial in world.notes.trials] == [0, 0, 1, 1, 2, 2]


def test_who_held_more_is_tried_at_the_rate_to_which_another_came_down() -> None:
    world = World({"slow": 50, "fast": 230, "faster": 400})
    found = world.compare()
    met = [trial for trial in world.notes.trials if trial.part is Part.COMMON_RATE]
    assert (found.compared_at_per_s, {trial.rate_per_s for trial in met}) == (44, {44})
    assert sorted(trial.variant for trial in met) == ["fast", "faster"]
    assert [result.reference and result.reference.rate_per_s for result in found.variants] == [44, 44, 44]
    assert [result.climb.held_per_s for result in found.variants] == [44, 225, 338]


def test_every_variant_gets_the_same_requests_and_no_trial_repeats_another() -> None:
    world = World({"a": 160, "b": 160})
    world.compare()
    assert world.generator.seeds["a"] == world.generator.seeds["b"]
    assert len(set(world.generator.seeds["a"])) == len(world.generator.seeds["a"])


def test_a_void_trial_is_repeated_and_stays_in_the_record() -> None:
    world = World({"a": 120}, void_first=True)
    found = world.compare()
    assert [(trial.step, bool(trial.void)) for trial in world.notes.trials] == [(0, True), (0, False), (1, False)]
    assert found.ok


NOT_MEASURED = [
    # case                        capacity of b  broken  crashing   reason
    ("breaks the contract", 160, ("b",), (), "b breaks the contract of catalog in 1 places"),
    ("does not start", 160, (), ("b",), "contract-b-catalog ended with exit code 1"),
    ("goes away under load", 0, (), (), "b cannot be reached"),
]


@pytest.mark.parametrize(
    ("capacity", "broken", "crashing", "reason"), [case[1:] for case in NOT_MEASURED], ids=[c[0] for c in NOT_MEASURED]
)
def test_a_variant_that_fails_is_told_and_the_others_are_measured(
    capacity: float, broken: tuple[str, ...], crashing: tuple[str, ...], reason: str
) -> None:
    world = World({"a": 160, "b": capacity}, broken=broken, crashing=crashing)
    found = world.compare()
    assert [variant.status for variant in found.variants] == ["ok", "void"]
    assert found.variants[1].reasons == (reason,)
    assert world.notes.failures == {"b": reason}


def test_contract_and_trials_use_databases_of_their_own() -> None:
    world = World({"a": 120})
    world.compare()
    assert world.runtime.databases == ["contract_a_run", "trial_a_0_run"]


def test_orders_are_checked_against_a_fake_catalog_and_measured_with_the_real_one() -> None:
    world = World({"a": 120})
    world.compare(BOTH)
    assert [(role, fake) for _, role, _, fake in world.checker.checked] == [
        ("catalog", ""),
        ("orders", "http://fake-catalog"),
    ]
    assert world.runtime.deployed["trial-a-orders"].catalog_url == "http://trial-a-catalog"


def test_a_ping_only_variant_needs_no_data() -> None:
    world = World({"a": 120})
    world.compare({"any": ("ping",)}, [stack_of(replace(world.variants[0], roles=()))])
    assert world.runtime.databases == []
    assert world.runtime.deployed["trial-a-ping"].cache_url == ""


def test_a_hybrid_is_checked_role_by_role_and_each_variant_has_its_database() -> None:
    world = World({"catalog=a,orders=b": 120})
    a, b = manifest("a", "catalog", "orders"), manifest("b", "catalog", "orders")
    found = world.compare(BOTH, [Stack({"catalog": a, "orders": b})])
    assert [(url, role) for url, role, _, _ in world.checker.checked] == [
        ("http://contract-a-catalog", "catalog"),
        ("http://contract-b-orders", "orders"),
    ]
    assert world.runtime.databases[2:] == ["trial_a_0_run", "trial_b_0_run"]
    assert (
        world.runtime.deployed["trial-catalog.a.orders.b-orders"].catalog_url
        == "http://trial-catalog.a.orders.b-catalog"
    )
    assert [variant.name for variant in found.variants] == ["catalog=a,orders=b"]


def test_a_role_that_several_stacks_share_is_checked_once() -> None:
    world = World({"a": 120, "catalog=a,orders=b": 120})
    a, b = manifest("a", "catalog", "orders"), manifest("b", "catalog", "orders")
    world.compare(BOTH, [stack_of(a), Stack({"catalog": a, "orders": b})])
    assert sorted(url for url, *_ in world.checker.checked) == [
        "http://contract-a-catalog",
        "http://contract-a-orders",
        "http://contract-b-orders",
    ]


def test_a_broken_role_takes_out_the_stacks_that_it_plays_in() -> None:
    a, b = manifest("a", "catalog", "orders"), manifest("b", "catalog", "orders")
    world = World({"a": 120, "b": 120, "catalog=a,orders=b": 120}, broken=("a-orders",))
    world.compare(BOTH, [stack_of(a), stack_of(b), Stack({"catalog": a, "orders": b})])
    assert world.notes.failures == {"a": "a breaks the contract of orders in 1 places"}


def test_levels_follow_the_climb_and_are_interleaved() -> None:
    world = World({"a": 120, "b": 120})
    found = world.compare(scenario=BESIDE)
    assert [(trial.step, trial.rate_per_s) for trial in world.notes.trials[-4:]] == [(0, 0), (0, 0), (20, 20), (20, 20)]
    assert [[level.level for level in result.levels] for result in found.variants] == [[0, 20], [0, 20]]


def test_streams_are_raised_without_a_climb() -> None:
    world = World({"a": 120})
    found = world.compare(BOTH, scenario=STREAM)
    assert [trial.step for trial in world.notes.trials] == [0, 10, 1000]
    assert found.ok


LEVELS = (OFF, Telemetry.parse("official-5"))


def test_every_stack_is_tried_at_every_level() -> None:
    world = World({"a, off": 160, "a, official-5": 120}, variants=("a",))
    found = world.compare(telemetry=LEVELS)
    assert {v.name: v.climb.held_per_s for v in found.variants} == {"a, off": 150, "a, official-5": 100}
    deployed = world.runtime.deployed
    assert {name: deployed[name].telemetry for name in deployed} == {
        "trial-a.off-catalog": OFF,
        "trial-a.official-5-catalog": LEVELS[1],
    }
    assert {deployment.otlp_url for deployment in deployed.values()} == {"http://receiver"}


def test_the_common_rate_of_all_comes_after_that_of_each_stack() -> None:
    world = World({"a, off": 120, "a, official-5": 70, "b, off": 50, "b, official-5": 50}, variants=("a", "b"))
    found = world.compare(telemetry=LEVELS)
    met = [(trial.variant, trial.rate_per_s) for trial in world.notes.trials if trial.part is Part.COMMON_RATE]
    assert met[0] == ("a, off", 67)
    assert sorted(met[1:]) == [("a, off", 44), ("a, official-5", 44)]
    assert {price.memory_bytes for levels in found.prices.values() for price in levels} == {2**20}


def test_half_load_follows_the_climb_in_turns_at_one_rate_for_a_stack() -> None:
    world = World({"a, off": 240, "a, official-5": 160}, variants=("a",))
    found = world.compare(telemetry=LEVELS)
    half = [trial for trial in world.notes.trials if trial.part is Part.HALF_LOAD]
    assert [(trial.step, trial.rate_per_s) for trial in half] == [(0, 75), (0, 75), (1, 75), (1, 75)]
    assert world.notes.trials[-4:] == half
    assert [price.level.name for price in found.prices["a"]] == ["off", "official-5"]


def test_there_is_no_half_load_without_a_factor_and_none_without_a_rate() -> None:
    plain, streams = World({"a": 160}), World({"a, off": 160, "a, official-5": 120}, variants=("a",))
    plain.compare()
    streams.compare(BOTH, scenario=STREAM, telemetry=LEVELS)
    parts = {trial.part for world in (plain, streams) for trial in world.notes.trials}
    assert parts == {Part.CLIMB, Part.BESIDE}


def test_the_contract_is_checked_once_with_what_tells_most_and_that_of_every_request() -> None:
    world = World({"a, off": 160, "a, official-5": 120}, variants=("a",))
    world.compare(telemetry=LEVELS)
    checked_with = [made.telemetry for made in world.runtime.made if made.name.startswith("contract-")]
    assert checked_with == [Telemetry(Mode.OFFICIAL)]


def test_a_broken_contract_takes_out_every_level_of_the_stack() -> None:
    world = World({"a, off": 160, "a, official-5": 120}, variants=("a",), broken=("a",))
    found = world.compare(telemetry=LEVELS)
    assert list(world.notes.failures) == ["a, off", "a, official-5"]
    assert [price.reasons for price in found.prices["a"]] == [("a breaks the contract of catalog in 1 places",)] * 2


def test_what_replicas_expose_in_a_trial_is_handed_over_with_it_and_nothing_where_telemetry_is_off() -> None:
    world = World({"a, off": 120, "a, official-5": 120}, variants=("a",))
    world.compare(telemetry=LEVELS)
    scraped = world.notes.scraped
    assert [trial for trial, _ in scraped] == [trial for trial in world.notes.trials if trial.variant != "a, off"]
    assert [list(scrapes) for _, scrapes in scraped] == [["trial-a.official-5-catalog"]] * len(scraped)
    begin, end = scraped[0][1]["trial-a.official-5-catalog"]
    assert int(end.text) - int(begin.text) == 200
    assert 0 <= begin.at_s <= end.at_s
