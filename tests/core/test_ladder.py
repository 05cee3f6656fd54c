"""Where a climb stands after its trials."""

from __future__ import annotations

import pytest

from lab.core.ladder import RUNGS_BELOW_MAX, RUNGS_MAX, End, climb, next_rung, rate
from lab.core.trial import Part
from tests.core.made import trial

H, M, V, G = "held", "missed", "void", "generator"

CASES = [
    # case                                    rung and verdict of each trial      held   missed  end            next
    ("nothing tried yet", [], None, None, None, 0),
    ("held so far", [(0, H), (1, H)], 150.0, None, None, 2),
    ("the first miss ends it", [(0, H), (1, H), (2, M)], 150.0, 225.0, End.OBJECTIVE, 1),
    ("not even the first rung", [(0, M)], None, 100.0, None, -1),
    ("down to the first rung held", [(0, M), (-1, M), (-2, H)], 100 * 1.5**-2, 100 * 1.5**-1, End.OBJECTIVE, -1),
    ("a void trial on the way down", [(0, M), (-1, V)], None, 100.0, None, -1),
    ("a void trial is tried again", [(0, H), (1, V)], 100.0, None, None, 1),
    ("a void trial leaves no trace once repeated", [(0, H), (1, V), (1, H)], 150.0, None, None, 2),
    ("three void trials in a row end it", [(0, H), (1, V), (1, V), (1, V)], 100.0, None, End.VOID, 1),
    ("the generator was the limit", [(0, H), (1, G), (1, G), (1, G)], 100.0, None, End.GENERATOR, 1),
    ("the generator was the limit once only", [(0, H), (1, V), (1, V), (1, G)], 100.0, None, End.VOID, 1),
    ("void at different rungs does not add up", [(0, V), (0, V), (0, H), (1, V)], 100.0, None, None, 1),
]


@pytest.mark.parametrize(
    ("tried", "held", "missed", "end", "following"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_climb(
    tried: list[tuple[int, str]], held: float | None, missed: float | None, end: End | None, following: int
) -> None:
    trials = [trial("a", rung, verdict) for rung, verdict in tried]
    state = climb(trials)
    assert (state.held_per_s, state.missed_per_s, state.end) == (held, missed, end)
    assert next_rung(trials) == following


def test_what_is_tried_at_a_common_rate_is_no_part_of_a_climb() -> None:
    tried = [trial("a", 0), trial("a", 1, M), trial("a", -2, M, part=Part.COMMON_RATE)]
    assert climb(tried) == climb(tried[:2])


def test_the_ladder_has_a_bottom() -> None:
    assert climb([trial("a", -rung, "missed") for rung in range(RUNGS_BELOW_MAX + 1)]).end is End.OBJECTIVE


def test_the_ladder_has_a_top() -> None:
    assert climb([trial("a", rung) for rung in range(RUNGS_MAX)]).end is End.TOP


def test_rates_are_geometric_and_whole() -> None:
    assert [rate(100, rung) for rung in range(4)] == [100, 150, 225, 338]
    assert [rate(2, rung) for rung in range(3)] == [2, 3, 4.5]
