"""What a person is told of a document that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from lab.core.documents import place, read

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["slo"],
    "properties": {
        "slo": {
            "type": "object",
            "additionalProperties": False,
            "required": ["p99_ms"],
            "properties": {"p99_ms": {"type": "number", "exclusiveMinimum": 0, "examples": [50]}, "note": {}},
            "examples": [{"p99_ms": 50}],
        },
        "argv": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string"}},
        "role": {"enum": ["catalog", "orders"]},
        "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "rate": {"not": {}},
    },
    "dependentRequired": {"size": ["role"]},
}

CASES = [
    # case                    document                                problems
    ("nothing wrong", "slo: {p99_ms: 5}", []),
    ("missing, with an example", "slo: {}", ["slo.p99_ms: missing; for example  p99_ms: 50"]),
    ("missing, nested example", "{}", ["slo: missing; for example  slo: {p99_ms: 50}"]),
    ("not above", "slo: {p99_ms: 0}", ["slo.p99_ms: 0 is not above 0"]),
    ("text for a number", "slo: {p99_ms: '5'}", ["slo.p99_ms: '5' is not a number"]),
    ("true is no number", "slo: {p99_ms: true}", ["slo.p99_ms: true is not a number"]),
    ("nan is no number", "slo: {p99_ms: .nan}", ["slo.p99_ms: nan is not a number"]),
    ("infinity is no number", "slo: {p99_ms: .inf}", ["slo.p99_ms: inf is not a number"]),
    ("nothing given", "slo:", ["slo: null is not a mapping"]),
    ("misspelt", "slo: {p99_ms: 1, p99ms: 2}", ["slo.p99ms: unknown; did you mean p99_ms?"]),
    ("unlike anything", "slo: {p99_ms: 1, zzz: 2}", ["slo.zzz: unknown; there is note, p99_ms"]),
    ("none of", "{slo: {p99_ms: 1}, role: ordres}", ["role: 'ordres' is none of catalog, orders"]),
    ("pattern and length", "{slo: {p99_ms: 1}, name: A23456}", [
        "name: 'A23456' does not match ^[a-z]+$",
        "name: 'A23456' is longer than 5 characters",
    ]),
    ("too large, and what it needs", "{slo: {p99_ms: 1}, size: 10}", [
        "role: missing; size needs it",
        "size: 10 is above 9",
    ]),
    ("elsewhere only", "{slo: {p99_ms: 1}, rate: 4}", ["rate: has no place here"]),
    ("empty list", "{slo: {p99_ms: 1}, argv: []}", ["argv: has fewer than 1 items"]),
    ("place in a list", "{slo: {p99_ms: 1}, argv: [a, 1]}", ["argv[1]: 1 is not text"]),
    ("twice in a list", "{slo: {p99_ms: 1}, argv: [a, a]}", ["argv: has an item twice"]),
    ("not a mapping", "[1]", ["document: [1] is not a mapping"]),
    ("empty file", "", ["document: null is not a mapping"]),
    ("key twice", "slo: {p99_ms: 1}\nslo: {p99_ms: 2}", ["line 2, column 1: slo occurs twice"]),
    ("not YAML", "slo: [1", ["line 2, column 1: did not find expected ',' or ']'"]),
    ("several at once", "{slo: {p99_ms: -1, x: 1}, role: 1}", [
        "role: 1 is none of catalog, orders",
        "slo.x: unknown; there is note, p99_ms",
        "slo.p99_ms: -1 is not above 0",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problems"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_problems(text: str, problems: list[str]) -> None:
    assert read(text, SCHEMA)[1] == problems


def test_read_answers_the_document() -> None:
    assert read("slo: {p99_ms: 5}", SCHEMA) == ({"slo": {"p99_ms": 5}}, [])


PLACES = [((), "document"), (("a", "b"), "a.b"), (("a", 0, "b"), "a[0].b"), ((0,), "[0]")]


@pytest.mark.parametrize(("path", "text"), PLACES)
def test_place(path: tuple[str | int, ...], text: str) -> None:
    assert place(*path) == text
