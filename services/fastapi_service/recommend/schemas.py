"""What recommend takes and gives, as JSON."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, TypeAdapter
from shop.cursor import INT64_MAX
from shop.model import DIMENSIONS, MAXIMUM
from typing_extensions import TypedDict

from fastapi_service.fields import Input, in_json, output


def _floats_as_integers(values: object) -> object:
    """44.0 is an integer. A body has 2,048 of them: a validator for each would cost more than all the rest of it."""
    if isinstance(values, list) and float in set(map(type, values)):
        return [int(value) if isinstance(value, float) and value.is_integer() else value for value in values]
    return values


Component = Annotated[int, Field(strict=True, ge=-MAXIMUM, le=MAXIMUM)]
Embedding = Annotated[
    list[Component], Field(min_length=DIMENSIONS, max_length=DIMENSIONS), BeforeValidator(_floats_as_integers)
]


class RecommendationInput(Input):
    embeddings: Annotated[list[Embedding], Field(min_length=1, max_length=32)]
    k: Annotated[int, Field(ge=1, le=100), in_json] = 10


@output
class Neighbour(TypedDict):
    product_id: Annotated[int, Field(ge=1, le=INT64_MAX)]
    squared_distance: Annotated[int, Field(ge=0)]


@output
class Recommendations(TypedDict):
    neighbours: list[Annotated[list[Neighbour], Field(min_length=1, max_length=100)]]


recommendations_json = TypeAdapter(Recommendations).dump_json
