"""Which ways to describe an operation are the same, and which differences are told."""

from __future__ import annotations

from typing import Any

import pytest

from lab.contract.schema import differences
from lab.tree import contract_document
from tests.variants import normal_form

DOCUMENT = {"components": {"schemas": {"Id": {"type": "integer", "minimum": 1}}}}

SAME = [
    ("a reference", {"$ref": "#/components/schemas/Id"}, {"type": "integer", "minimum": 1.0}),
    ("words for people", {"type": "string", "title": "T", "format": "x", "x-y": 1}, {"type": "string"}),
    ("null as an alternative", {"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": ["string", "null"]}),
    ("null by a flag", {"type": "string", "nullable": True}, {"type": ["null", "string"]}),
    ("one value", {"type": "string", "const": "ok"}, {"enum": ["ok"]}),
    ("one part", {"allOf": [{"$ref": "#/components/schemas/Id"}]}, {"$ref": "#/components/schemas/Id"}),
    ("what says nothing", {"type": "array", "minItems": 0, "uniqueItems": False, "default": None}, {"type": "array"}),
    ("members in another order", {"required": ["a", "b"]}, {"required": ["b", "a"]}),
    ("a character that is escaped", {"pattern": "[^\x00]"}, {"pattern": r"[^\u0000]"}),
]
DIFFERENT = [
    ("a bound", {"type": "integer", "maximum": 100}, {"type": "integer", "maximum": 101}),
    ("a default", {"type": "integer", "default": 20}, {"type": "integer"}),
    ("null", {"type": "string"}, {"type": ["string", "null"]}),
    ("members too many", {"type": "object", "additionalProperties": False}, {"type": "object"}),
    ("a member", {"properties": {"a": {"type": "string"}}}, {"properties": {"a": {"type": "integer"}}}),
]


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_the_same_in_other_words(one: Any, other: Any) -> None:
    assert normal_form.schema(DOCUMENT, one) == normal_form.schema(DOCUMENT, other)


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in DIFFERENT], ids=[row[0] for row in DIFFERENT])
def test_something_else(one: Any, other: Any) -> None:
    assert normal_form.schema(DOCUMENT, one) != normal_form.schema(DOCUMENT, other)


def test_differences_name_the_operation_and_the_place() -> None:
    expected = normal_form.operations(contract_document())
    found = normal_form.operations(contract_document(), but=["/ping"])
    del found["getProduct"]["response 404"]
    found["getOrder"]["path parameter order_id"]["required"] = False
    found["setStock"]["query parameter force"] = {"required": False, "schema": {}}
    assert differences(expected, found) == [
        "getOrder.path parameter order_id.required: False is not True",
        "getProduct.response 404: missing",
        "ping: missing",
        "setStock.query parameter force: unexpected: {'required': False, 'schema': {}}",
    ]
