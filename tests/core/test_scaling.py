"""What came of a load that rose after 10 s, from 10 to 80 requests a second, fell after 80 s, and ended after 120 s."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lab.core.autoscaling import Size
from lab.core.measurement import Second
from lab.core.scaling import of_scaling, pod_seconds, turns
from tests.core.made import SCALEOUT

SLO = SCALEOUT.slo
LOW, PEAK = Second(10), Second(80)
WELL = [LOW] * 10 + [PEAK] * 70 + [LOW] * 40

ONE = Size(0, 1, 1, 1)
UP = [ONE, Size(16, 3, 1, 1), Size(16.1, 3, 3, 1), Size(19, 3, 3, 2), Size(21, 3, 3, 3)]
DOWN = [*UP, Size(100, 1, 3, 3), Size(100.5, 1, 1, 1)]
IN_STEPS = [*UP, Size(90, 2, 2, 2), Size(110, 1, 1, 1)]
NEVER_READY = UP[:4]
BEFORE = [ONE, Size(5, 2, 2, 2)]

SIZES: list[tuple[str, Sequence[Size], dict[str, float | None]]] = [
    # case                 sizes     figures
    ("up and down", DOWN, {"first_up_s": 6, "all_ready_s": 11, "most": 3, "down_s": 20, "turns": 1}),
    ("down in steps", IN_STEPS, {"first_up_s": 6, "down_s": 30, "turns": 1}),
    ("up only", UP, {"first_up_s": 6, "all_ready_s": 11, "down_s": None, "turns": 0}),
    ("not all ready", NEVER_READY, {"first_up_s": 6, "all_ready_s": None, "most": 2}),
    ("one all the time", [ONE], {"first_up_s": None, "all_ready_s": None, "most": 1, "down_s": 0, "pod_s": 120}),
    ("up before the load rose", BEFORE, {"first_up_s": None, "all_ready_s": None, "down_s": 0, "pod_s": 5 + 2 * 115}),
]


@pytest.mark.parametrize(("sizes", "figures"), [case[1:] for case in SIZES], ids=[case[0] for case in SIZES])
def test_replicas_are_told_from_the_rise_and_the_fall_of_the_load(
    sizes: Sequence[Size], figures: dict[str, float | None]
) -> None:
    assert SCALEOUT.experiment
    found = of_scaling(SCALEOUT.experiment, SLO, WELL, sizes)
    assert {name: found[name] for name in figures} == pytest.approx(figures)


BAD = Second(80, failed=8, slow=8)

LOADS: list[tuple[str, list[Second], dict[str, float | None]]] = [
    # case                      seconds                                              figures
    ("well", WELL, {"bad_share": 0, "late_bad_share": 0, "late_failed": 0, "held_s": 0}),
    (
        "bad for 20 s",
        [LOW] * 10 + [BAD] * 20 + [PEAK] * 50 + [LOW] * 40,
        {"bad_share": 320 / 6100, "late_bad_share": 0, "late_failed": 0, "held_s": 20},
    ),
    (
        "bad once more, later",
        [LOW] * 10 + [PEAK] * 30 + [BAD] + [PEAK] * 39 + [LOW] * 40,
        {"late_bad_share": 16 / 3600, "late_failed": 8, "held_s": 31},
    ),
    ("bad as long as it is high", [LOW] * 10 + [BAD] * 70 + [LOW] * 40, {"held_s": None}),
]


@pytest.mark.parametrize(("seconds", "figures"), [case[1:] for case in LOADS], ids=[case[0] for case in LOADS])
def test_requests_are_told_from_the_rise_of_the_load(seconds: list[Second], figures: dict[str, float | None]) -> None:
    assert SCALEOUT.experiment
    found = of_scaling(SCALEOUT.experiment, SLO, seconds, [ONE])
    assert {name: found[name] for name in figures} == pytest.approx(figures)


TURNS = [([1, 1, 4, 4, 1], 1), ([1, 2, 3, 4], 0), ([1, 4, 2, 3, 1], 3), ([4, 2, 1], 0), ([1], 0)]


@pytest.mark.parametrize(("wanted", "count"), TURNS)
def test_a_turn_is_a_change_in_the_other_direction(wanted: list[int], count: int) -> None:
    assert turns(wanted) == count


def test_a_replica_counts_from_when_it_is_there_until_it_ends() -> None:
    assert pod_seconds([ONE, Size(20, 4, 1, 1), Size(21, 4, 4, 1), Size(50, 4, 2, 2)], 60) == 21 + 4 * 29 + 2 * 10
