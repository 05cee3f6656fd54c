"""What a scenario's values become."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from lab.core.values import Source, draw, source

ITEM = {"id": {"integer": [1, 5]}, "n": 1}

CASES: list[tuple[str, Any, Callable[[Any], object]]] = [
    # case                              spec  what holds of every value
    ("text stands for itself", "oak", lambda v: v == "oak"),
    ("a number too", 20, lambda v: v == 20),
    ("and a mapping, values inside drawn", {"to": {"choice": ["a"]}}, lambda v: v == {"to": "a"}),
    ("and a list", [{"integer": [2, 2]}, "x"], lambda v: v == [2, "x"]),
    ("integer, ends included", {"integer": [1, 2]}, lambda v: v in (1, 2)),
    ("choice", {"choice": ["a", "b"]}, lambda v: v in ("a", "b")),
    ("choice of generators", {"choice": [{"integer": [7, 7]}]}, lambda v: v == 7),
    ("token", {"token": 16}, lambda v: re.fullmatch("[A-Za-z0-9]{16}", v)),
    ("list of some length", {"list": "x", "length": [1, 3]}, lambda v: 1 <= len(v) <= 3 and set(v) == {"x"}),
    ("distinct", {"list": ITEM, "length": [5, 5], "distinct": "id"}, lambda v: {i["id"] for i in v} == {1, 2, 3, 4, 5}),
]


@pytest.mark.parametrize(("spec", "holds"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_draw(spec: Any, holds: Callable[[Any], object]) -> None:
    chance, unique = Random(1), Random(2)
    assert all(holds(draw(spec, chance, unique)) for _ in range(100))


IMPOSSIBLE = [
    ("no number between", {"integer": [3, 1]}, "no whole number from 3 to 1"),
    ("no length between", {"list": 1, "length": [3, 1]}, "no length from 3 to 1"),
    ("too few distinct", {"list": ITEM, "length": [6, 6], "distinct": "id"}, "found 5 of 6 values whose id differ"),
    ("distinct by what is not there", {"list": {"a": 1}, "length": [1, 1], "distinct": "id"}, "id is no member"),
]


@pytest.mark.parametrize(("spec", "why"), [c[1:] for c in IMPOSSIBLE], ids=[c[0] for c in IMPOSSIBLE])
def test_impossible(spec: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        draw(spec, Random(1), Random(2))


def test_same_seed_same_values_but_for_tokens() -> None:
    spec = {"id": {"integer": [1, 10**9]}, "key": {"token": 16}}
    first, second = (draw(spec, Random(7), unique) for unique in (Random(1), Random(2)))
    assert first["id"] == second["id"]
    assert first["key"] != second["key"]


SOURCES = [
    ({"pick": "placeOrder"}, Source("placeOrder", removes=False)),
    ({"take": "placeOrder"}, Source("placeOrder", removes=True)),
    ({"integer": [1, 2]}, None),
    (7, None),
]


@pytest.mark.parametrize(("spec", "found"), SOURCES)
def test_source(spec: Any, found: Source | None) -> None:
    assert source(spec) == found
