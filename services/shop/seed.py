"""The shop's first rows: the same for every variant, made from nothing but the row's number."""

from __future__ import annotations

import random
from collections.abc import Iterator

PRODUCTS = 10_000
STOCK_QUANTITY = 1_000_000
SEED = 20_260_101

CATEGORIES = ("bath", "books", "garden", "kitchen", "lighting", "office", "outdoor", "pets", "sports", "toys")
_MATERIALS = ("oak", "steel", "linen", "cork", "glass", "bamboo", "wool", "copper", "slate", "cotton")
_STYLES = ("plain", "folding", "compact", "sturdy", "light", "round", "tall", "soft", "bright", "quiet")
_THINGS = ("basket", "bench", "bottle", "bowl", "clock", "cover", "frame", "hook", "lamp", "mat", "rack", "tray")

ProductRow = tuple[int, str, str, str, str, int, str]


def products(count: int = PRODUCTS, seed: int = SEED) -> Iterator[ProductRow]:
    """Rows of (id, sku, name, description, category, price_minor, currency), ids from 1."""
    chance = random.Random(seed)
    for product_id in range(1, count + 1):
        category = CATEGORIES[product_id % len(CATEGORIES)]
        style, material, thing = chance.choice(_STYLES), chance.choice(_MATERIALS), chance.choice(_THINGS)
        name = f"{style} {material} {thing} {product_id}".capitalize()
        description = f"A {style} {thing} made of {material}, for {category}. Model {product_id:06d}."
        yield (
            product_id,
            f"{category[:3].upper()}-{product_id:06d}",
            name,
            description,
            category,
            chance.randrange(99, 49_999),
            "EUR",
        )


def stock(count: int = PRODUCTS) -> Iterator[tuple[int, int]]:
    """Rows of (product_id, quantity)."""
    return ((product_id, STOCK_QUANTITY) for product_id in range(1, count + 1))
