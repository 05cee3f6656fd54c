"""What is said of requests beside rising levels of a workload."""

from __future__ import annotations

import pytest

from lab.core.beside import levels, wanted, workload
from lab.core.scenario import Scenario
from lab.core.trial import Trial
from tests.core.made import BESIDE, STREAM, level_trial, streams_seen

MIB = 2**20
VOID = ("steal 5 %",)

Tried = list[tuple[int, tuple[str, ...]]]

TRIED: list[tuple[str, Tried, int, bool]] = [
    # case                                    level and void reasons       asked  wanted
    ("not tried yet", [], 0, True),
    ("tried", [(0, ())], 0, False),
    ("another level", [(0, ())], 100, True),
    ("void, so again", [(0, VOID)], 0, True),
    ("void and then not", [(0, VOID), (0, ())], 0, False),
    ("void three times", [(0, VOID), (0, VOID), (0, VOID)], 0, False),
]


@pytest.mark.parametrize(("tried", "level", "again"), [case[1:] for case in TRIED], ids=[case[0] for case in TRIED])
def test_a_level_is_tried_until_it_is_not_void(tried: Tried, level: int, again: bool) -> None:
    assert wanted([level_trial("a", one, void=void) for one, void in tried], level) == again


def streaming(level: int, held: int, memory_mib: int, void: tuple[str, ...] = ()) -> Trial:
    return level_trial("a", level, streams=streams_seen(level, held), memory_bytes=memory_mib * MIB, void=void)


MEMORY = [
    # case                              alone                    with streams             bytes per stream
    ("held", streaming(0, 0, 100), streaming(1000, 1000, 120), 20 * MIB / 1000),
    ("some refused", streaming(0, 0, 100), streaming(1000, 100, 110), 10 * MIB / 100),
    ("too few to tell", streaming(0, 0, 100), streaming(1000, 2, 110), None),
    ("nothing to compare with", streaming(0, 0, 100, VOID), streaming(1000, 1000, 120), None),
    ("void", streaming(0, 0, 100), streaming(1000, 1000, 120, VOID), None),
]


@pytest.mark.parametrize(("alone", "most", "per_stream"), [c[1:] for c in MEMORY], ids=[c[0] for c in MEMORY])
def test_memory_of_a_stream_is_what_came_on_top(alone: Trial, most: Trial, per_stream: float | None) -> None:
    assert levels([alone, most])[-1].memory_bytes_per_stream == per_stream


def test_the_last_try_of_a_level_counts() -> None:
    found = levels([streaming(0, 0, 100, VOID), streaming(0, 0, 100), streaming(10, 2, 100)])
    assert [(level.level, level.trial.void) for level in found] == [(0, ()), (10, ())]


def test_nothing_is_said_of_a_void_level_but_why() -> None:
    assert levels([streaming(0, 0, 100, VOID)])[0].document() == {"level": 0, "status": "void", "reasons": list(VOID)}


@pytest.mark.parametrize(("scenario", "told"), [(STREAM, "streams"), (BESIDE, "ping per second")])
def test_what_levels_count(scenario: Scenario, told: str) -> None:
    assert workload(scenario) == told
