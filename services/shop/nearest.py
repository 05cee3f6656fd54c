"""Which products are nearest to an embedding: exact, by comparing all of them. What `recommend` answers with."""

from __future__ import annotations

import os
from collections.abc import Sequence

from shop.model import DIMENSIONS, Model

# One thread for a request's mathematics; the libraries behind numpy read this when they are loaded.
for _variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np  # noqa: E402

Neighbour = tuple[int, int]  # product id, squared distance


class Nearest:
    """Safe to use from several threads.

    Distances are whole numbers below 2 ** 24, which 32-bit floats hold exactly, in whatever order they are added.
    """

    def __init__(self, model: Model) -> None:
        products = np.frombuffer(model.embeddings, np.int8).reshape(model.products, DIMENSIONS).astype(np.float32)
        self._by_dimension = np.ascontiguousarray(products.T)
        self._norms = np.square(products).sum(axis=1)
        self._positions = np.arange(model.products)

    def of(self, embeddings: Sequence[Sequence[int]], k: int) -> list[list[Neighbour]]:
        """For each embedding its `k` nearest products, nearest first, by ascending id where distances are equal."""
        wanted = np.array(embeddings, np.float32)
        distances = self._norms - 2 * (wanted @ self._by_dimension) + np.square(wanted).sum(axis=1)[:, np.newaxis]
        ranks = distances.astype(np.int64) * len(self._positions) + self._positions
        nearest = np.argsort(ranks, axis=1)[:, :k]
        found = np.take_along_axis(distances, nearest, axis=1).astype(np.int64)
        return [
            list(zip(ids, squares, strict=True))
            for ids, squares in zip((nearest + 1).tolist(), found.tolist(), strict=True)
        ]
