"""The model that `recommend` ranks by: an embedding for each product of the seed. `python -m shop.model FILE` makes it.

An embedding is the mean of its product's words, each of which is the SHA-512 of its text, byte by byte: the same on
every machine and in every language, and equal for products that are described alike.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shop import seed

FORMAT = "framework-lab-model"
VERSION = 1
DIMENSIONS = 64
MAXIMUM = 127


class ModelError(ValueError):
    """What is wrong with a model file."""


@dataclass(frozen=True, slots=True)
class Model:
    """`embeddings` has DIMENSIONS signed bytes for each of `products` products, ids ascending from 1."""

    products: int
    embeddings: bytes


def build() -> Model:
    return Model(seed.PRODUCTS, b"".join(_embedding(row) for row in seed.products()))


def write(path: Path, model: Model) -> None:
    path.write_bytes(json.dumps(_header(model)).encode() + b"\n" + model.embeddings)


def read(path: Path) -> Model:
    """Raises ModelError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from None
    first, _, embeddings = content.partition(b"\n")
    try:
        header = json.loads(first)
    except ValueError:
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ModelError(f"{path} is not a model; make one: python -m shop.model {path}")
    expected = _header(Model(seed.PRODUCTS, embeddings))
    wrong = [
        f"{name} {header.get(name)!r}, not {expected[name]!r}"
        for name in expected
        if name != "sha256" and header.get(name) != expected[name]
    ]
    if wrong:
        raise ModelError(f"{path} is another model ({', '.join(wrong)}); make one: python -m shop.model {path}")
    if header.get("sha256") != expected["sha256"] or len(embeddings) != seed.PRODUCTS * DIMENSIONS:
        raise ModelError(f"{path} is damaged; make it anew: python -m shop.model {path}")
    return Model(seed.PRODUCTS, embeddings)


def _header(model: Model) -> dict[str, str | int]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "products": model.products,
        "dimensions": DIMENSIONS,
        "seed": seed.SEED,
        "sha256": hashlib.sha256(model.embeddings).hexdigest(),
    }


def _embedding(row: seed.ProductRow) -> bytes:
    _, _, name, _, category, _, _ = row
    words = [*name.lower().split()[:3], category]
    means = (sum(values) // len(words) for values in zip(*map(_vector, words), strict=True))
    return bytes(max(mean, -MAXIMUM) & 0xFF for mean in means)


@cache
def _vector(word: str) -> tuple[int, ...]:
    return tuple(byte - 128 for byte in hashlib.sha512(word.encode()).digest())


def embedding(model: Model, product_id: int) -> list[int]:
    """Of one product: DIMENSIONS integers from -MAXIMUM to MAXIMUM."""
    start = (product_id - 1) * DIMENSIONS
    return [byte - 256 if byte > MAXIMUM else byte for byte in model.embeddings[start : start + DIMENSIONS]]


def embeddings(model: Model) -> Iterator[list[int]]:
    """Of every product, ids ascending from 1."""
    return (embedding(model, product_id) for product_id in range(1, model.products + 1))


if __name__ == "__main__":
    write(Path(sys.argv[1]), build())
