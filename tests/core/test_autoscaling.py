"""Who may size a service, and what is kept of how many replicas it had."""

from __future__ import annotations

import pytest

from lab.core.autoscaling import Autoscaler, Size, parse_autoscalers, since
from lab.errors import InputError


def test_they_are_tried_in_the_order_that_they_are_named_in() -> None:
    assert parse_autoscalers("hpa, none") == (Autoscaler.HPA, Autoscaler.NONE)


WRONG = [
    # case          --autoscaler          problems
    ("unknown", "keda", ["keda is none of httpautoscaler, hpa, none"]),
    ("empty", "", ["(empty) is none of httpautoscaler, hpa, none"]),
    ("twice, and unknown", "hpa,vpa,hpa", ["vpa is none of httpautoscaler, hpa, none", "hpa is named more than once"]),
]


@pytest.mark.parametrize(("text", "problems"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_every_problem_is_told(text: str, problems: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        parse_autoscalers(text)
    assert list(refused.value.problems) == problems


def size(at_s: float, count: int) -> Size:
    return Size(at_s, count, count, count)


KEPT: list[tuple[str, list[tuple[float, int]], list[tuple[float, int]]]] = [
    # case                           (when, how many)                       from 100 to 160 that is
    ("as it was at the begin", [(50, 1)], [(0, 1)]),
    ("a change before counts", [(50, 1), (90, 2)], [(0, 2)]),
    ("changes until the end", [(50, 1), (110, 2), (130, 1), (170, 4)], [(0, 1), (10, 2), (30, 1)]),
    ("what stays is told once", [(50, 1), (110, 1), (120, 2), (130, 2)], [(0, 1), (20, 2)]),
    ("first heard of later", [(105, 1)], [(5, 1)]),
]


@pytest.mark.parametrize(("seen", "kept"), [case[1:] for case in KEPT], ids=[case[0] for case in KEPT])
def test_what_changed_under_the_load_is_kept(seen: list[tuple[float, int]], kept: list[tuple[float, int]]) -> None:
    assert since([size(*one) for one in seen], 100, 160) == tuple(size(*one) for one in kept)
