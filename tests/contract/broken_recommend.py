"""Broken rules of recommendations."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from shop.problems import FieldError

from tests.contract.breaking import Broken, changed
from tests.contract.reference_service import Answer, Request, Shop


def _neighbours(change: Callable[[list[Any]], list[Any]]) -> dict[str, Any]:
    """Every list of neighbours changed."""
    return changed("recommend", lambda d: {"neighbours": [change(neighbours) for neighbours in d["neighbours"]]})


def _rounded(neighbours: list[Any]) -> list[Any]:
    """As a distance of few digits would have it."""
    return [{**each, "squared_distance": math.isqrt(each["squared_distance"]) ** 2} for each in neighbours]


def _youngest_first(neighbours: list[Any]) -> list[Any]:
    return sorted(neighbours, key=lambda each: (each["squared_distance"], -each["product_id"]))


def _no_fractions(shop: Shop, operation: str, request: Request) -> list[FieldError]:
    errors = Shop.violations(shop, operation, request)
    return [*errors, FieldError("body", "/k", "is no integer")] if isinstance(request.body.get("k"), float) else errors


def _mixes_up(shop: Shop, request: Request) -> Answer:
    """What is asked is kept where the next request finds it."""
    shop.__dict__["asked"] = request.body
    time.sleep(0.1)
    request.body = shop.__dict__["asked"]
    return Shop.recommend(shop, request)


def _broken(rule: str, how: dict[str, Any], case: str) -> Broken:
    return Broken(rule, how, "recommend", f"recommend: {case}")


BROKEN = (
    _broken("distances are rounded", _neighbours(_rounded), "ten neighbours, or as many as asked for, exactly"),
    _broken(
        "k is ten at most",
        _neighbours(lambda neighbours: neighbours[:10]),
        "ten neighbours, or as many as asked for, exactly",
    ),
    _broken(
        "twins come youngest first", _neighbours(_youngest_first), "neighbours at one distance come by ascending id"
    ),
    _broken(
        "embeddings are answered in reverse",
        changed("recommend", lambda d: {"neighbours": d["neighbours"][::-1]}),
        "32 embeddings are answered in the order sent",
    ),
    _broken("12.0 is no integer", {"violations": _no_fractions}, "12.0 is 12"),
    _broken("requests mix up", {"recommend": _mixes_up}, "several at once are answered right, and ping beside them"),
)
