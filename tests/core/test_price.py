"""What watching costs, from climbs and trials at half load."""

from __future__ import annotations

import pytest

from lab.core.ladder import End, climb
from lab.core.price import Price, half_loads, prices
from lab.core.telemetry import Telemetry
from lab.core.trial import Part, Trial
from tests.core.made import arms_of, trial

OFF, OFFICIAL = Telemetry.parse("off"), Telemetry.parse("official-5")
ARMS = arms_of("a", levels=(OFF, OFFICIAL))
BASE, WATCHED = (arm.name for arm in ARMS)
MIB = 2**20

H, M, V, G = "held", "missed", "void", "generator"


Climbing = list[Trial]


def climbed(*verdicts: str, mib: int = 100) -> Climbing:
    """Rungs 100, 150, 225, ... with these verdicts, void ones three times; each rung takes a MiB more than the last."""
    return [
        trial("a", rung, verdict, memory_bytes=(mib + rung) * MIB)
        for rung, verdict in enumerate(verdicts)
        for _ in range(3 if verdict in (V, G) else 1)
    ]


HALF = [
    # case                       climbs of the levels of one stack          their half loads
    ("the lowest counts", climbed(H, H, H, M), climbed(H, H, M), [75.0, 75.0]),
    ("as far as it held", climbed(H, H, M), climbed(H, V), [50.0, 50.0]),
    ("who held nothing has none", climbed(H, M), climbed(M), [50.0]),
    ("nobody held any", climbed(M), climbed(V), []),
]


@pytest.mark.parametrize(("off", "official", "rates"), [case[1:] for case in HALF], ids=[case[0] for case in HALF])
def test_half_load_is_half_of_the_lowest_rate_held(off: Climbing, official: Climbing, rates: list[float]) -> None:
    assert list(half_loads(ARMS, {BASE: climb(off), WATCHED: climb(official)}).values()) == rates


def test_each_stack_has_a_half_load_of_its_own() -> None:
    arms = arms_of("a", "b", levels=(OFF, OFFICIAL))
    tried = [climbed(H, H, M), climbed(H, M), climbed(H, H, M), climbed(H, H, M)]
    climbs = {arm.name: climb(trials) for arm, trials in zip(arms, tried, strict=True)}
    assert list(half_loads(arms, climbs).values()) == [50.0, 50.0, 75.0, 75.0]


HELD = climbed(H, M)


def priced(
    base: Climbing = HELD,
    watched: Climbing = HELD,
    *,
    of_base: tuple[Trial, ...] = (),
    of_watched: tuple[Trial, ...] = (),
    not_measured: dict[str, str] | None = None,
) -> Price:
    """The price of the second level."""
    found = prices(ARMS, {BASE: base, WATCHED: watched}, {BASE: of_base, WATCHED: of_watched}, not_measured or {})
    return found["a"][1]


RATIOS = [
    # case                              off               official-5       ratio   at least  at most
    ("a rung less", climbed(H, H, M), climbed(H, M), 2 / 3, 100 / 225, 1.0),
    ("the same rungs", climbed(H, M), climbed(H, M), 1.0, 2 / 3, 1.5),
    ("off met the generator's limit", climbed(H, H, G), climbed(H, M), None, None, 1.0),
    ("both met it", climbed(H, G), climbed(H, G), None, None, None),
    ("only official met it", climbed(H, M), climbed(H, G), None, 2 / 3, None),
    ("official held nothing", climbed(H, M), climbed(M), None, None, 1.0),
    ("off is void", climbed(V), climbed(H, M), None, None, None),
]


@pytest.mark.parametrize(
    ("off", "official", "ratio", "at_least", "at_most"), [case[1:] for case in RATIOS], ids=[c[0] for c in RATIOS]
)
def test_throughput_is_known_as_far_as_the_ladder_shows_it(
    off: Climbing, official: Climbing, ratio: float | None, at_least: float | None, at_most: float | None
) -> None:
    price = priced(off, official)
    assert price.throughput_ratio == pytest.approx(ratio)
    assert price.throughput_ratio_between == pytest.approx((at_least, at_most))


def half(name: str, *cpu_s: float, verdict: str = H) -> tuple[Trial, ...]:
    """A trial for each `cpu_s` that 200 requests took."""
    return tuple(
        trial(name, step, verdict, rate_per_s=50, cpu_s=cpu, part=Part.HALF_LOAD) for step, cpu in enumerate(cpu_s)
    )


def test_half_load_is_told_by_medians() -> None:
    document = priced(of_base=half(BASE, 0.2, 0.1, 0.9), of_watched=half(WATCHED, 0.3, 0.9, 0.2)).document()
    assert {key: document[key] for key in document if key.startswith(("cpu", "half", "trials"))} == {
        "half_load_per_s": 50.0,
        "trials": 3,
        "cpu_ms_per_request": 1.5,
        "cpu_ratio": 1.5,
        "cpu_ms_per_request_more": 0.5,
    }


def test_of_two_trials_the_lower_counts() -> None:
    assert priced(of_base=half(BASE, 0.2, 0.9), of_watched=half(WATCHED, 0.9, 0.3)).cpu_ratio == pytest.approx(1.5)


MEMORY = [
    # case                            off, from 100 MiB   official-5, from 110    MiB   more
    ("at the rate that both held", climbed(H, H, H, M), climbed(H, H, M, mib=110), 111, 10),
    ("at the first rung", climbed(H, H, M), climbed(H, V, mib=110), 110, 10),
    ("held nothing", climbed(H, H, M), climbed(M, mib=110), None, None),
    ("nothing to compare with", climbed(V), climbed(H, H, M, mib=110), 111, None),
]


def test_what_went_away_has_no_memory_either() -> None:
    assert priced(not_measured={WATCHED: "is gone"}).memory_bytes is None


@pytest.mark.parametrize(("off", "official", "mib", "more"), [case[1:] for case in MEMORY], ids=[c[0] for c in MEMORY])
def test_memory_is_that_of_the_rate_that_all_levels_held(
    off: Climbing, official: Climbing, mib: int | None, more: int | None
) -> None:
    price = priced(off, official)
    assert (price.memory_bytes, price.memory_bytes_more) == (mib and mib * MIB, more and more * MIB)


def test_void_trials_do_not_count() -> None:
    of_watched = (*half(WATCHED, 9.9, verdict=V), *half(WATCHED, 0.3))
    assert priced(of_base=half(BASE, 0.2), of_watched=of_watched).cpu_ratio == pytest.approx(1.5)


def test_the_first_level_is_what_the_others_are_relative_to() -> None:
    found = prices(ARMS, dict.fromkeys((BASE, WATCHED), climbed(H, M)), {BASE: half(BASE, 0.2)}, {})["a"][0]
    assert (found.throughput_ratio, found.throughput_ratio_between, found.cpu_ratio) == (1.0, (1.0, 1.0), 1.0)


FIRST = [
    # case                            climb            ratio
    ("it missed a rung", climbed(H, M), 1.0),
    ("the generator was the limit", climbed(H, G), 1.0),
    ("void above what it held", climbed(H, V), 1.0),
    ("it held nothing", climbed(M), None),
]


@pytest.mark.parametrize(("off", "ratio"), [case[1:] for case in FIRST], ids=[case[0] for case in FIRST])
def test_the_first_level_is_as_much_as_itself_if_it_held_any_rate(off: Climbing, ratio: float | None) -> None:
    document = priced(off).base.document()
    assert (document["throughput_ratio"], document["throughput_ratio_between"]) == (ratio, [ratio, ratio])


def test_memory_is_that_of_the_common_rate_where_a_climb_left_it_out() -> None:
    down = [trial("a", -rung, verdict, memory_bytes=90 * MIB) for rung, verdict in enumerate((M, M, H))]
    there = trial("a", -2, memory_bytes=99 * MIB, part=Part.COMMON_RATE)
    price = priced([*climbed(H, M), there], down)
    assert (price.base.climb.held_per_s, price.base.memory_bytes, price.memory_bytes) == (100, 99 * MIB, 90 * MIB)


SILENT = [
    # case                          official-5        at half load                    failed   void   reasons
    ("void at half load", climbed(H, M), half(WATCHED, 0.3, verdict=V), {}, True, ("steal 5.0 %",)),
    ("held no rate", climbed(M), (), {}, False, ("it held no rate: p99 300 ms is above 100 ms",)),
    ("broke the contract", climbed(), (), {WATCHED: "breaks it"}, False, ("breaks it",)),
    ("went away", climbed(H, M), half(WATCHED, 0.3, verdict=V), {WATCHED: "is gone"}, True, ("is gone",)),
    ("went away later", climbed(H, M), half(WATCHED, 0.3), {WATCHED: "is gone"}, True, ("is gone",)),
]


@pytest.mark.parametrize(
    ("watched", "tried", "failed", "void", "reasons"), [case[1:] for case in SILENT], ids=[c[0] for c in SILENT]
)
def test_what_has_no_figures_says_why(
    watched: Climbing, tried: tuple[Trial, ...], failed: dict[str, str], void: bool, reasons: tuple[str, ...]
) -> None:
    price = priced(watched=watched, of_base=half(BASE, 0.2), of_watched=tried, not_measured=failed)
    assert (price.cost, price.cpu_ratio, price.void, price.reasons) == (None, None, void, reasons)


def test_a_climb_that_ended_void_still_has_its_half_load() -> None:
    watched = climbed(H, V)
    assert climb(watched).end is End.VOID
    assert priced(watched=watched, of_base=half(BASE, 0.2), of_watched=half(WATCHED, 0.3)).cpu_ratio
