"""What the recommend role's operation takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate
from marshmallow.exceptions import SCHEMA
from shop.model import DIMENSIONS, MAXIMUM

from flask_service.fields import Integer, Object

EMBEDDINGS_MAX = 32
NOT_A_LIST = "Not a valid list."
COMPONENTS = frozenset(range(-MAXIMUM, MAXIMUM + 1))


class Embeddings(fields.Field[list[list[int]]]):
    """One field for all of them: one for each of 2,048 numbers would take as long as the search."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[list[int]]:
        if not isinstance(value, list):
            raise ValidationError(NOT_A_LIST)
        embeddings: list[list[int]] = []
        messages: dict[str | int, Any] = {}
        for position, item in enumerate(value):
            try:
                embeddings.append(_embedding(item))
            except ValidationError as error:
                messages[position] = error.messages
        if not 1 <= len(value) <= EMBEDDINGS_MAX:
            messages[SCHEMA] = [f"Has 1 to {EMBEDDINGS_MAX} embeddings"]
        if messages:
            raise ValidationError(messages)
        return embeddings


def _embedding(value: Any) -> list[int]:
    if not isinstance(value, list):
        raise ValidationError(NOT_A_LIST)
    if len(value) == DIMENSIONS and {*map(type, value)} == {int} and COMPONENTS.issuperset(value):
        return value
    messages: dict[str | int, Any] = {
        position: [f"Not an integer from -{MAXIMUM} to {MAXIMUM}"]
        for position, component in enumerate(value)
        if type(component) not in (int, float) or component not in COMPONENTS
    }
    if len(value) != DIMENSIONS:
        messages[SCHEMA] = [f"Has {DIMENSIONS} components"]
    if messages:
        raise ValidationError(messages)
    return [int(component) for component in value]


class RecommendationInput(Object):
    embeddings = Embeddings(required=True)
    k = Integer(load_default=10, validate=validate.Range(min=1, max=100))


class Recommend(Object):
    body = fields.Nested(RecommendationInput, required=True)
