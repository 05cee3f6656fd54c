"""Embeddings and their neighbours as the contract's JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shop.model import DIMENSIONS, MAXIMUM
from shop.nearest import Neighbour

from django_service.api.fields import IntegerField, IntegerListField, ListField, ObjectField

EMBEDDING = IntegerListField(-MAXIMUM, MAXIMUM, min_length=DIMENSIONS, max_length=DIMENSIONS)
RECOMMENDATION = ObjectField(
    {"embeddings": ListField(EMBEDDING, min_length=1, max_length=32), "k": IntegerField(1, 100)},
    defaults={"k": 10},
)


def document(neighbours: Iterable[Iterable[Neighbour]]) -> dict[str, Any]:
    return {
        "neighbours": [
            [{"product_id": product_id, "squared_distance": squared} for product_id, squared in nearest]
            for nearest in neighbours
        ]
    }
