"""The model in memory, for the role that has one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app
from shop.model import Model

if TYPE_CHECKING:
    from shop.nearest import Nearest, Neighbour


class Recommender:
    def init_app(self, app: Flask, model: Model) -> None:
        from shop.nearest import Nearest  # and numpy, which no other role needs

        app.extensions["recommender"] = Nearest(model)

    def nearest(self, embeddings: Sequence[Sequence[int]], k: int) -> list[list[Neighbour]]:
        return cast("Nearest", current_app.extensions["recommender"]).of(embeddings, k)
