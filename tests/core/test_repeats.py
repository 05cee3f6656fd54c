"""What repeats say together."""

from __future__ import annotations

import pytest

from lab.core.experiment import Kind
from lab.core.figures import FIGURES, Verdict
from lab.core.repeats import Range, combined, repeats
from tests.core.made import repeat_trial

COMBINED: list[tuple[str, str, list[float | None], Range]] = [
    # case                            figure        repeats             together
    ("counts are added", "failed", [1, 0, 2], Range(3)),
    ("a count that is not known", "failed", [1, None], Range(None)),
    ("the middle one, and the range", "duration_s", [30, 20, 45], Range(30, 20, 45)),
    ("of two the lower one", "duration_s", [30, 20], Range(20, 20, 30)),
    ("what is not known is left out", "throttled_share", [0.2, None], Range(0.2, 0.2, 0.2)),
    ("nothing known", "throttled_share", [None], Range(None)),
    ("longer than could be seen", "recovery_s", [3, None, 1], Range(3, 1, None)),
    ("most longer than could be seen", "recovery_s", [None, None, 1], Range(None, 1, None)),
    ("always longer than could be seen", "recovery_s", [None], Range(None)),
]


@pytest.mark.parametrize(("name", "values", "together"), [c[1:] for c in COMBINED], ids=[c[0] for c in COMBINED])
def test_repeats_become_one_figure(name: str, values: list[float | None], together: Range) -> None:
    assert combined(FIGURES[name], values) == together


VOID = ("steal 5 %",)


def test_a_void_repeat_counts_for_nothing_and_the_one_that_follows_it_does() -> None:
    tried = [
        repeat_trial("a", 0, Kind.ROLLOUT, {"requests": 1800, "failed": 9, "retried": 0, "duration_s": 50}, void=VOID),
        repeat_trial("a", 0, Kind.ROLLOUT, {"requests": 1800, "failed": 0, "retried": 0, "duration_s": 30}),
    ]
    found = repeats(Kind.ROLLOUT, "", tried, dropped_out=False)
    assert (found.counted, found.missing, found.verdict) == (1, (), Verdict.TOO_FEW)
    assert found.figures["failed"] == Range(0)


def test_a_repeat_that_stayed_void_is_missing() -> None:
    tried = [repeat_trial("a", 0, Kind.ROLLOUT, {"failed": 0}, void=VOID)] * 3
    found = repeats(Kind.ROLLOUT, "", tried, dropped_out=False)
    assert (found.counted, found.missing, found.figures, found.verdict) == (0, (tried[0],), {}, None)


def test_cases_are_told_apart() -> None:
    tried = [
        repeat_trial("a", 0, Kind.THROTTLE, {"p99_ms": p99}, case=case) for case, p99 in (("250m", 90), ("500m", 20))
    ]
    found = {case: repeats(Kind.THROTTLE, case, tried, dropped_out=False) for case in ("250m", "500m")}
    assert {case: one.figures["p99_ms"].value for case, one in found.items()} == {"250m": 90, "500m": 20}


def test_nothing_is_said_of_what_dropped_out_but_its_repeats_are_kept() -> None:
    found = repeats(Kind.ROLLOUT, "", [repeat_trial("a", 0, Kind.ROLLOUT, {"failed": 0})], dropped_out=True)
    assert (found.figures, found.verdict) == ({}, None)
    assert len(found.document()["repeats"]) == 1
