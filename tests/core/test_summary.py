"""What a run says, from its trials."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from lab.core.summary import Summary, Tried, summarise
from lab.core.telemetry import OFF, Telemetry
from lab.core.trial import Part, Trial
from lab.report.sentences import between, sentences
from tests.core.made import BESIDE, SCENARIO, STREAM, arms_of, level_trial, streams_seen, trial

SCHEMA = json.loads((Path(__file__).parents[2] / "lab/report/summary.schema.json").read_text())

H, M, V, G = "held", "missed", "void", "generator"


def trials(variant: str, *verdicts: tuple[int, str], cpu_s: float = 0.4) -> list[Trial]:
    return [trial(variant, rung, verdict, cpu_s=cpu_s) for rung, verdict in verdicts]


def summary(
    *trials_of: list[Trial], names: tuple[str, ...] = ("a", "b"), broken: dict[str, str] | None = None
) -> Summary:
    climbs = {several[0].variant: several for several in trials_of}
    tried = Tried(climbs, {}, {}, broken or {}, dict.fromkeys(names, 0.5))
    return summarise("run", SCENARIO, True, arms_of(*names), tried)


FAST = trials("a", (0, H), (1, H), (2, H), (3, M), cpu_s=0.2)
SLOW = trials("b", (0, H), (1, M))
VOID = trials("b", (0, H), (1, V), (1, V), (1, V))

RATES = [
    # case                              result of b                                        status  told as
    ("missed at a rung", SLOW, "ok", "between 100 and 150"),
    ("missed at the first", trials("b", (0, M)), "ok", "less than 100"),
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


def test_sentences_name_the_variants_of_which_nothing_is_claimed() -> None:
    assert sentences(summary(FAST, VOID))[2].endswith("; nothing is claimed of b.")


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
    return summarise("run", STREAM, True, arms_of("a", "b"), Tried({}, levels, {}, {}, {"a": 0.5, "b": 0.5}))


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
    found = summarise("run", BESIDE, True, arms_of("a"), Tried({"a": FAST}, levels, {}, {}, {"a": 0.5}))
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


LEVELS = (OFF, Telemetry.parse("official-5"))


def half_load(name: str, cpu_s: float, verdict: str = H) -> list[Trial]:
    return [trial(name, step, verdict, rate_per_s=50, cpu_s=cpu_s, part=Part.HALF_LOAD) for step in range(2)]


def watched(verdict: str = H) -> Summary:
    """One stack at two levels; `verdict` of the second at half load."""
    off, official = arms_of("a", levels=LEVELS)
    climbs = {off.name: trials(off.name, (0, H), (1, M)), official.name: trials(official.name, (0, H), (1, M))}
    half = {off.name: half_load(off.name, 0.2), official.name: half_load(official.name, 0.3, verdict)}
    return summarise("run", SCENARIO, True, (off, official), Tried(climbs, {}, half, {}, {}))


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
    told = sentences(summarise("run", SCENARIO, True, (off, official), broken))
    assert [sentence for sentence in told if "breaks it" in sentence] == []
    assert told[-1].endswith("nothing is claimed of a with off, a with official-5.")


def test_sentences_say_what_watching_costs_and_how_finely_that_is_known() -> None:
    _, _, price, rungs, _ = sentences(watched())
    assert price == (
        "CPU per request with official-5, relative to off, at half of the lowest rate that the stack's levels held: "
        "a 1.50 (+0.50 ms)."
    )
    assert rungs.startswith("Rungs are 1.5 apart")
