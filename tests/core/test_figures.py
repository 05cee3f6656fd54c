"""What an experiment measured, from what was seen of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from lab.core.deployment import Start, Throttling, Usage
from lab.core.experiment import Kind
from lab.core.figures import (
    KINDS,
    Goal,
    Verdict,
    of_event,
    of_kind,
    of_load,
    of_rest,
    of_start,
    of_throttling,
    recovery_s,
    verdict,
)
from lab.core.measurement import Second
from lab.core.scenario import Slo
from tests.core.made import measurement

SLO = Slo(p99_ms=100, error_share=0.001)

WELL, FAILED, SLOW = Second(30), Second(30, failed=1), Second(30, slow=2)
A_LITTLE_SLOW = Second(30, slow=1)  # 1 of the 150 requests of a window

RECOVERIES: list[tuple[str, list[Second], float, float | None]] = [
    # case                               seconds                                          asked at -> recovered after
    ("never broken", [WELL] * 20, 5.0, 0.0),
    ("broken before only", [FAILED] * 4 + [WELL] * 16, 5.0, 0.0),
    ("broken for a second", [WELL] * 5 + [FAILED] + [WELL] * 14, 5.0, 1.0),
    ("asked for within a second", [WELL] * 5 + [FAILED] + [WELL] * 14, 5.4, 0.6),
    ("broken later", [WELL] * 8 + [FAILED] + [WELL] * 11, 5.0, 4.0),
    ("broken twice", [WELL] * 5 + [FAILED, WELL, WELL, FAILED] + [WELL] * 11, 5.0, 4.0),
    ("slow", [WELL] * 5 + [SLOW] * 3 + [WELL] * 12, 5.0, 3.0),
    ("no slower than allowed", [WELL] * 5 + [A_LITTLE_SLOW] + [WELL] * 14, 5.0, 0.0),
    ("slow answers too near each other", [WELL] * 5 + [A_LITTLE_SLOW] * 2 + [WELL] * 13, 5.0, 1.0),
    ("well for less than a window", [WELL] * 5 + [FAILED] * 11 + [WELL] * 4, 5.0, None),
    ("well for one window", [WELL] * 5 + [FAILED] * 10 + [WELL] * 5, 5.0, 10.0),
    ("to the end", [WELL] * 5 + [FAILED] * 15, 5.0, None),
    ("too short to tell", [WELL] * 8, 5.0, None),
]


@pytest.mark.parametrize(
    ("seconds", "began_s", "recovered"), [c[1:] for c in RECOVERIES], ids=[c[0] for c in RECOVERIES]
)
def test_the_slo_holds_again_from_the_second_that_every_later_window_keeps_it(
    seconds: list[Second], began_s: float, recovered: float | None
) -> None:
    assert recovery_s(seconds, SLO, began_s) == pytest.approx(recovered)


def test_a_load_is_counted() -> None:
    seen = replace(measurement(), errors={"timeout": 2, "status 503": 1}, retried=4, seconds=(WELL, SLOW, SLOW))
    counted = {"requests": 200, "answered": 200, "failed": 3, "retried": 4, "slow": 4, "p50_ms": 2.0, "p99_ms": 9.0}
    assert of_load(seen) == counted


def test_what_happened_took_from_begin_to_end() -> None:
    assert of_event([WELL] * 40, SLO, 5.0, 25.5) == {"duration_s": 20.5, "recovery_s": 0.0}


def test_the_parts_of_a_start_follow_each_other() -> None:
    parts = of_start(Start("a-0", scheduled_s=0.5, schema_s=2.0, process_s=2.5, ready_s=6.0, first_answer_s=6.25))
    assert parts == {
        "scheduling_s": 0.5,
        "schema_s": 1.5,
        "container_s": 0.5,
        "setup_s": 3.5,
        "ready_s": 6.0,
        "first_answer_s": 6.25,
    }


BEFORE = Throttling("a-0", periods=100, throttled_periods=10, throttled_s=1.0)

THROTTLED: list[tuple[str, list[Throttling], float | None, float | None]] = [
    ("a quarter", [Throttling("a-0", 300, 60, 5.5)], 0.25, 4.5),
    ("idle", [BEFORE], None, 0.0),
    ("another replica", [Throttling("a-1", 300, 60, 5.5)], None, None),
]


@pytest.mark.parametrize(("after", "share", "waited_s"), [c[1:] for c in THROTTLED], ids=[c[0] for c in THROTTLED])
def test_throttling_is_what_came_on_top(after: list[Throttling], share: float | None, waited_s: float | None) -> None:
    assert of_throttling([BEFORE], after) == {"throttled_share": share, "throttled_s": waited_s}


RESTS: list[tuple[str, Sequence[float], float]] = [
    # case                             CPU seconds at each look     -> cores
    ("looks cost nothing", (2.0, 2.0, 2.5), 0.025),
    ("a look is not rest", (1.75, 2.0, 2.75), 0.025),
    ("less than a look", (1.75, 2.0, 2.125), 0.0),
]


@pytest.mark.parametrize(("cpu_s", "cores"), [case[1:] for case in RESTS], ids=[case[0] for case in RESTS])
def test_rest_costs_what_is_used_in_it_beside_a_look(cpu_s: Sequence[float], cores: float) -> None:
    look = Usage("a-0", (1,), cpu_s=0.0, memory_bytes=100, clients=frozenset(), alive=True)
    first, before, after = ([replace(look, cpu_s=used_s)] for used_s in cpu_s)
    assert of_rest(first, before, after, rest_s=20.0) == {"memory_rest_bytes": 100, "cpu_rest_cores": cores}


def test_rest_of_nobody_is_not_known() -> None:
    assert of_rest([], [], [], rest_s=20.0) == {"memory_rest_bytes": None, "cpu_rest_cores": None}


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_its_figures_in_their_order_known_or_not(kind: Kind) -> None:
    assert list(of_kind(kind, {"failed": 0})) == [figure.name for figure in KINDS[kind].figures]


GOAL = Goal(retried_share=0.001, requests=10_000, repeats=10)

VERDICTS = [
    # case                                repeats  requests  failed  retried -> verdict
    ("all well", 10, 10_000, 0, 0, Verdict.HELD),
    ("as many again as allowed", 10, 10_000, 0, 10, Verdict.HELD),
    ("one too many again", 10, 10_000, 0, 11, Verdict.MISSED),
    ("more of more requests", 10, 18_000, 0, 18, Verdict.HELD),
    ("one failed", 10, 18_000, 1, 0, Verdict.MISSED),
    ("one failed of few", 1, 1_800, 1, 0, Verdict.MISSED),
    ("well, but few repeats", 9, 18_000, 0, 0, Verdict.TOO_FEW),
    ("well, but few requests", 10, 9_999, 0, 0, Verdict.TOO_FEW),
    ("some again, of few", 1, 1_800, 0, 3, Verdict.TOO_FEW),
    ("too many again, whatever were to come", 1, 1_800, 0, 11, Verdict.MISSED),
]


@pytest.mark.parametrize(
    ("repeats", "requests", "failed", "retried", "expected"), [c[1:] for c in VERDICTS], ids=[c[0] for c in VERDICTS]
)
def test_a_goal_is_held_missed_or_not_known(
    repeats: int, requests: int, failed: int, retried: int, expected: Verdict
) -> None:
    assert verdict(GOAL, repeats=repeats, requests=requests, failed=failed, retried=retried) is expected
