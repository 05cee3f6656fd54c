"""What a run says, from its trials."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from lab.core.experiment import Kind
from lab.core.scenario import Scenario
from lab.core.summary import Summary, Tried, lacking, summarise
from lab.core.telemetry import OFF, Telemetry
from lab.core.trial import Part, Trial
from lab.report.sentences import between, sentences
from tests.core.made import (
    BESIDE,
    COLDSTART,
    FACTS,
    ROLLOUT,
    SCENARIO,
    STREAM,
    THROTTLE,
    arms_of,
    level_trial,
    repeat_trial,
    streams_seen,
    trial,
    with_kind,
)

SCHEMA = json.loads((Path(__file__).parents[2] / "lab/report/summary.schema.json").read_text())

H, M, V, G = "held", "missed", "void", "generator"
LEVELS = (OFF, Telemetry.parse("official-5"))


def trials(variant: str, *verdicts: tuple[int, str], cpu_s: float = 0.4) -> list[Trial]:
    return [trial(variant, rung, verdict, cpu_s=cpu_s) for rung, verdict in verdicts]


def summary(
    *trials_of: list[Trial], names: tuple[str, ...] = ("a", "b"), broken: dict[str, str] | None = None
) -> Summary:
    climbs = {several[0].variant: several for several in trials_of}
    tried = Tried(climbs, {}, {}, broken or {}, dict.fromkeys(names, 0.5))
    return summarise("run", SCENARIO, True, arms_of(*names), tried, FACTS)


FAST = trials("a", (0, H), (1, H), (2, H), (3, M), cpu_s=0.2)
SLOW = trials("b", (0, H), (1, M))
VOID = trials("b", (0, H), (1, V), (1, V), (1, V))

RATES = [
    # case                              result of b                                        status  told as
    ("missed at a rung", SLOW, "ok", "between 100 and 150"),
    ("missed at every rung", trials("b", *((-rung, M) for rung in range(8))), "ok", "less than 6"),
    ("limited by the generator", trials("b", (0, H), (1, G), (1, G), (1, G)), "ok", "at least 100"),
    ("limited by the generator from the start", trials("b", (0, G), (0, G), (0, G)), "void", "not measured"),
    ("void above what it held", VOID, "void", "at least 100, then void"),
    ("void from the start", trials("b", (0, V), (0, V), (0, V)), "void", "not measured"),
]


@pytest.mark.parametrize(("slow", "status", "told"), [case[1:] for case in RATES], ids=[case[0] for case in RATES])
def test_a_variants_rate_is_told_as_far_as_it_is_known(slow: list[Trial], status: str, told: str) -> None:
    result = summary(FAST, slow).variants[1]
    assert (result.status, between(result)) == (status, told)


def test_variants_are_compared_at_the_highest_rate_that_all_held() -> None:
    found = summary(FAST, SLOW)
    assert found.compared_at_per_s == 100
    assert [result.reference and result.reference.rate_per_s for result in found.variants] == [100, 100]


DOWN = trials("b", (0, M), (-1, M), (-2, H))


def at_common_rate(*verdicts: str) -> list[Trial]:
    """Of a, whose climb began above what b held."""
    return [*FAST, *(trial("a", -2, verdict, cpu_s=0.3, part=Part.COMMON_RATE) for verdict in verdicts)]


def test_who_never_went_down_to_the_common_rate_is_compared_by_its_trial_there() -> None:
    found = summary(at_common_rate(V, H), DOWN)
    assert found.ok
    assert found.compared_at_per_s == pytest.approx(100 / 1.5**2)
    assert [result.document()["cpu_ms_per_request"] for result in found.variants] == [1.5, 2.0]
    assert [between(result) for result in found.variants] == ["between 225 and 338", "between 44 and 67"]


def test_a_common_rate_that_stays_void_is_told() -> None:
    found = summary(at_common_rate(V, V, V), DOWN)
    assert not found.ok
    assert [result.status for result in found.variants] == ["ok", "ok"]
    assert found.variants[0].document()["reasons"][-1] == "steal 5.0 %"
    assert "Nothing is said of a at 44 requests per second: steal 5.0 %." in sentences(found)


LACKING = [
    # case                                    a                          b                                -> lacking
    ("both held the scenario's rate", FAST, SLOW, {}),
    ("b ended below where a began", FAST, DOWN, {-2: ["a"]}),
    ("a was tried there", at_common_rate(H), DOWN, {}),
    ("a was void there", at_common_rate(V), DOWN, {-2: ["a"]}),
    ("a stayed void there", at_common_rate(V, V, V), DOWN, {}),
    ("b held nothing", FAST, trials("b", *((-rung, M) for rung in range(8))), {}),
    ("both came down there", trials("a", (0, M), (-1, M), (-2, H)), DOWN, {}),
    ("a came down less far", trials("a", (0, M), (-1, H)), DOWN, {-2: ["a"]}),
    ("a says nothing", trials("a", (0, H), (1, V), (1, V), (1, V)), DOWN, {}),
]


@pytest.mark.parametrize(("a", "b", "found"), [case[1:] for case in LACKING], ids=[case[0] for case in LACKING])
def test_where_an_arm_is_still_to_be_tried(a: list[Trial], b: list[Trial], found: dict[int, list[str]]) -> None:
    assert lacking(arms_of("a", "b"), {"a": a, "b": b}, {}) == found


def test_who_dropped_out_is_neither_tried_nor_compared_with() -> None:
    arms, climbs = arms_of("a", "b"), {"a": FAST, "b": DOWN}
    assert [lacking(arms, climbs, {name: "is gone"}) for name in climbs] == [{}, {}]


def test_levels_of_a_stack_are_tried_at_the_rate_of_that_stack_too() -> None:
    arms = arms_of("a", "b", levels=LEVELS)
    climbs = [((0, H), (1, M)), ((0, M), (-1, H)), ((0, M), (-1, M), (-2, H)), ((0, M), (-1, M), (-2, M), (-3, H))]
    tried = {arm.name: trials(arm.name, *climb) for arm, climb in zip(arms, climbs, strict=True)}
    off, official, slow_off, _ = tried
    assert lacking(arms, tried, {}) == {-1: [off], -3: [off, official, slow_off]}


def test_a_variant_that_held_nothing_is_left_out_of_the_comparison() -> None:
    found = summary(FAST, trials("b", (0, M)))
    assert found.compared_at_per_s == 225
    assert found.variants[1].document()["cpu_ms_per_request"] is None


def test_a_variant_that_broke_the_contract_is_void_with_the_reason() -> None:
    found = summary(FAST, broken={"b": "breaks the contract in 2 places"})
    assert not found.ok
    assert found.variants[1].reasons == ("breaks the contract in 2 places",)


@pytest.mark.parametrize("slow", [case[1] for case in RATES], ids=[case[0] for case in RATES])
def test_the_document_keeps_its_schema(slow: list[Trial]) -> None:
    jsonschema.validate(summary(FAST, slow).document(), SCHEMA)


def test_sentences_say_rates_costs_and_how_far_to_believe() -> None:
    held, cost, belief = sentences(summary(FAST, SLOW))
    assert "a between 225 and 338, b between 100 and 150" in held
    assert cost == "At 100 requests per second, one request cost this much CPU: a 1.00 ms, b 2.00 ms."
    assert "with telemetry off" in belief
    assert "too few repeats to rank" in belief
    assert belief.endswith("Nothing is limited.")


def test_sentences_name_the_variants_of_which_nothing_is_claimed() -> None:
    assert "; nothing is claimed of b. " in sentences(summary(FAST, VOID))[2]


def of_streams(variant: str, held: int, void: tuple[str, ...] = ()) -> list[Trial]:
    return [
        level_trial(
            variant,
            level,
            streams=streams_seen(level, min(level, held)) if level else None,
            void=void if level else (),
        )
        for level in (0, 10, 1000)
    ]


def stream_summary(*, void: tuple[str, ...] = ()) -> Summary:
    levels = {"a": of_streams("a", 1000), "b": of_streams("b", 2, void)}
    return summarise("run", STREAM, True, arms_of("a", "b"), Tried({}, levels, {}, {}, {"a": 0.5, "b": 0.5}), FACTS)


def test_streams_need_no_climb() -> None:
    found = stream_summary()
    assert found.ok
    assert [[row["streams"]["held"] for row in result.document()["levels"][1:]] for result in found.variants] == [
        [10, 1000],
        [2, 2],
    ]


def test_a_level_that_stays_void_is_told() -> None:
    found = stream_summary(void=("steal 5 %",))
    assert not found.ok
    assert found.variants[1].reasons == ("steal 5 %", "steal 5 %")


def test_a_climb_may_be_followed_by_levels() -> None:
    levels = {"a": [level_trial("a", 0), level_trial("a", 20, rate_per_s=20)]}
    found = summarise("run", BESIDE, True, arms_of("a"), Tried({"a": FAST}, levels, {}, {}, {"a": 0.5}), FACTS)
    assert found.ok
    assert found.compared_at_per_s == 225
    assert [row["workload"] and row["workload"]["answered"] for row in found.variants[0].document()["levels"]] == [
        None,
        200,
    ]


@pytest.mark.parametrize("void", [(), ("steal 5 %",)])
def test_a_document_with_levels_keeps_its_schema(void: tuple[str, ...]) -> None:
    jsonschema.validate(stream_summary(void=void).document(), SCHEMA)


def test_sentences_say_what_streams_did_to_others_and_who_refused_them() -> None:
    beside, streams, _ = sentences(stream_summary())
    assert beside == "p99 of ping at 100 per second, alone → beside 1000 streams: a 3.0 → 3.0 ms, b 3.0 → 3.0 ms."
    assert "a held 1000 of 1000 and refused 0; b held 2 of 1000 and refused 998." in streams


def half_load(name: str, cpu_s: float, verdict: str = H) -> list[Trial]:
    return [trial(name, step, verdict, rate_per_s=50, cpu_s=cpu_s, part=Part.HALF_LOAD) for step in range(2)]


def watched(verdict: str = H) -> Summary:
    """One stack at two levels; `verdict` of the second at half load."""
    off, official = arms_of("a", levels=LEVELS)
    climbs = {off.name: trials(off.name, (0, H), (1, M)), official.name: trials(official.name, (0, H), (1, M))}
    half = {off.name: half_load(off.name, 0.2), official.name: half_load(official.name, 0.3, verdict)}
    return summarise("run", SCENARIO, True, (off, official), Tried(climbs, {}, half, {}, {}), FACTS)


def test_telemetry_is_told_as_what_all_had_or_as_the_factor() -> None:
    plain, compared = summary(FAST, SLOW).document(), watched().document()
    assert (plain["telemetry"], plain["factor"], plain["price"]) == ("off", None, {})
    assert (compared["telemetry"], compared["factor"]) == (
        None,
        {"name": "telemetry", "levels": ["off", "official-5"]},
    )
    assert compared["price"]["a"]["official-5"]["cpu_ratio"] == 1.5


@pytest.mark.parametrize("verdict", [H, V])
def test_a_document_with_a_price_keeps_its_schema(verdict: str) -> None:
    jsonschema.validate(watched(verdict).document(), SCHEMA)


def test_half_load_that_stays_void_is_told() -> None:
    assert watched().ok
    assert not watched(V).ok
    assert "Nothing is said of a with official-5 at half load: steal 5.0 %." in sentences(watched(V))


def test_what_was_not_measured_at_all_is_told_once() -> None:
    off, official = arms_of("a", levels=LEVELS)
    broken = Tried({}, {}, {}, {off.name: "breaks it", official.name: "breaks it"}, {})
    told = sentences(summarise("run", SCENARIO, True, (off, official), broken, FACTS))
    assert [sentence for sentence in told if "breaks it" in sentence] == []
    assert "nothing is claimed of a with off, a with official-5. " in told[-1]


def test_sentences_say_what_watching_costs_and_how_finely_that_is_known() -> None:
    _, _, price, rungs, _ = sentences(watched())
    assert price == (
        "CPU per request with official-5, relative to off, at half of the lowest rate that the stack's levels held: "
        "a 1.50 (+0.50 ms)."
    )
    assert rungs.startswith("Rungs are 1.5 apart")


def experiment(scenario: Scenario, *trials: Trial, broken: dict[str, str] | None = None) -> Summary:
    by_arm = {name: [trial for trial in trials if trial.variant == name] for name in ("a", "b")}
    tried = Tried({}, {}, {}, broken or {}, {}, by_arm)
    return summarise("run", scenario, True, arms_of("a", "b"), tried, FACTS)


def rollout(variant: str, repeat: int, failed: float = 0, void: tuple[str, ...] = ()) -> Trial:
    figures: dict[str, float | None] = {
        "requests": 1800,
        "failed": failed,
        "retried": 1,
        "slow": 4,
        "duration_s": 30.0 + 2 * repeat,
    }
    return repeat_trial(variant, repeat, Kind.ROLLOUT, figures, void=void)


HELD = [rollout("a", repeat) for repeat in range(10)]
MISSED = [rollout("b", repeat, failed=repeat) for repeat in range(3)]
PARTLY_VOID = [rollout("b", 0), rollout("b", 1, void=("steal 5 %",))]
SLOW_TO_RECOVER = [
    repeat_trial(
        "b", repeat, Kind.PODKILL, {"requests": 1200, "failed": 3, "retried": 0, "slow": 0, "recovery_s": recovery_s}
    )
    for repeat, recovery_s in enumerate((2.0, None, 4.0))
]

EXPERIMENTS = [
    ("a goal held and missed", experiment(ROLLOUT, *HELD, *MISSED)),
    ("partly void", experiment(ROLLOUT, *HELD, *PARTLY_VOID)),
    ("failed", experiment(ROLLOUT, *HELD, broken={"b": "no room"})),
    ("not within the load", experiment(with_kind(Kind.PODKILL), *SLOW_TO_RECOVER)),
    ("cases", experiment(THROTTLE, repeat_trial("a", 0, Kind.THROTTLE, {"p99_ms": 90}, case="250m"))),
    ("no load", experiment(COLDSTART, repeat_trial("a", 0, Kind.COLDSTART, {"ready_s": 6.0}))),
]


@pytest.mark.parametrize("found", [case[1] for case in EXPERIMENTS], ids=[case[0] for case in EXPERIMENTS])
def test_a_document_of_an_experiment_keeps_its_schema(found: Summary) -> None:
    jsonschema.validate(found.document(), SCHEMA)


def test_a_document_says_what_each_figure_is_and_what_repeats_make_of_it() -> None:
    document = experiment(ROLLOUT, *HELD, *MISSED).document()["experiment"]
    assert document["figures"][-1] == {"name": "duration_s", "unit": "s", "combined": "median"}
    assert document["goal"] == {"retried_share": 0.001, "requests": 10_000, "repeats": 10}
    held, missed = (document["variants"][name][0] for name in ("a", "b"))
    assert (held["goal"], missed["goal"]) == ("held", "missed")
    assert held["figures"]["duration_s"] == {"value": 38.0, "low": 30.0, "high": 48.0}
    assert missed["figures"]["failed"] == {"value": 3, "low": None, "high": None}
    assert [repeat["figures"]["failed"] for repeat in missed["repeats"]] == [0, 1, 2]


def test_a_repeat_that_stays_void_is_told() -> None:
    found = experiment(ROLLOUT, *HELD, *PARTLY_VOID)
    assert not found.ok
    assert [result.status for result in found.variants] == ["ok", "void"]
    assert "Not counted, because they stayed void: 1 of 2 repeats of b: steal 5 %." in sentences(found)


def test_sentences_say_what_happened_whether_the_goal_held_and_how_far_to_believe() -> None:
    happened, goal, belief = sentences(experiment(ROLLOUT, *HELD, *MISSED))
    assert happened == (
        "A rolling update of 2 replicas under 30 requests per second: "
        "a 18000 requests, 0 failed, 10 retried, 40 slow, took 38.0 s (30.0–48.0); "
        "b 5400 requests, 3 failed, 3 retried, 12 slow, took 32.0 s (30.0–34.0). Slow is later than 100 ms."
    )
    assert goal == (
        "Goal: no request failed and at most 0.1% sent again, of at least 10000 requests over 10 repeats: "
        "held by a; missed by b."
    )
    assert belief == (
        "With runtime fake, with telemetry off, 10 repeats at most: counts are sums, other figures medians with the "
        "least and the most; no ranking. Nothing is limited."
    )


def test_sentences_claim_nothing_of_few_repeats_and_of_what_failed() -> None:
    _, goal, belief = sentences(experiment(ROLLOUT, HELD[0], broken={"b": "no room"}))
    assert goal.endswith("neither held nor missed by a, whose repeats or requests are too few to say so.")
    assert "observed once, which ranks nothing; nothing is claimed of b." in belief


def test_sentences_say_how_often_the_slo_did_not_hold_again() -> None:
    happened, _ = sentences(experiment(with_kind(Kind.PODKILL), *SLOW_TO_RECOVER))
    assert (
        "the SLO held again after 4.0 s (2.0–…), the SLO did not hold again before the load ended in 1 of 3" in happened
    )
