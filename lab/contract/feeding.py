"""Gives made-up requests what they need to pass the shop's rules: ids and cursors that exist, keys never used."""

from __future__ import annotations

import itertools
import random
from typing import Any
from urllib.parse import unquote

from shop import seed
from shop.model import DIMENSIONS, MAXIMUM

from lab.contract.probe import Probe

_ORDERED_PRODUCTS = seed.PRODUCTS // 2
_PREPARED = 10
_MISSING_ID = 2**63 - 1


class Feed:
    """Keeps what it prepared by way of `probe`, which raises Abandoned where the service does not let it."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._turn = itertools.count()
        self._prepared: dict[str, list[Any]] = {}

    def fit(self, operation_id: str, case: Any) -> None:
        """Changes a fitting request of this operation so that it may succeed; some ids of reads stay as made up."""
        match operation_id:
            case "listProducts" | "listOrders":
                if "cursor" in case.query:
                    case.query = {**case.query, "cursor": self._one_of(operation_id)}
            case "getProduct":
                self._path(case, "product_id", int(float(case.path_parameters["product_id"])) % seed.PRODUCTS + 1)
            case "getOrder":
                self._path(case, "order_id", self._one_of("orders"))
            case "streamOrder":
                case.path_parameters = {"order_id": _MISSING_ID}
                self._path(case, "order_id", self._one_of("final orders"))
            case "createProduct":
                case.body = {**case.body, "sku": self._probe.ids.sku()}
            case "replaceProduct":
                case.path_parameters = {"product_id": self._one_of("products")}
                case.body = {**case.body, "sku": self._probe.ids.sku()}
            case "deleteProduct":
                case.path_parameters = {"product_id": self._probe.created()["id"]}
            case "placeOrder":
                case.headers["Idempotency-Key"] = self._probe.ids.key()
                case.body = {"lines": _known_products(case.body["lines"])}
            case "moveOrder":
                if case.body["to"] == "placed" and next(self._turn) % 2:
                    case.body = {"to": "confirmed"}  # no order can be moved to placed
                order = self._probe.placed()
                if case.body["to"] == "shipped":
                    self._probe.succeed(self._probe.move(order["id"], "confirmed"))
                case.path_parameters = {"order_id": order["id"]}
            case "recommend":
                case.body = {**case.body, "embeddings": _embeddings(next(self._turn))}
            case "setStock":
                case.path_parameters = {"product_id": self._probe.ids.product()}

    def make_harmless(self, operation_id: str, case: Any) -> bool:
        """Whether a request meant to violate may be sent; some are changed so that they may.

        An id may be one when it is written out: no seeded product is removed, and no order is followed until it ends.
        """
        if operation_id == "streamOrder" and _is_id(case.path_parameters["order_id"]):
            case.path_parameters = {"order_id": _MISSING_ID}
        return operation_id != "deleteProduct" or not _is_id(case.path_parameters["product_id"])

    def _path(self, case: Any, name: str, value: int) -> None:
        if next(self._turn) % 8:
            case.path_parameters = {name: value}

    def _one_of(self, kind: str) -> Any:
        if kind not in self._prepared:
            self._prepared[kind] = [self._prepare(kind) for _ in range(_PREPARED)]
        things = self._prepared[kind]
        return things[next(self._turn) % len(things)]

    def _prepare(self, kind: str) -> Any:
        match kind:
            case "orders":
                return self._probe.placed()["id"]
            case "final orders":
                order_id = self._probe.placed()["id"]
                self._probe.succeed(self._probe.move(order_id, "cancelled"))
                return order_id
            case "products":
                return self._probe.created()["id"]
            case _:
                if kind == "listOrders":
                    self._probe.placed(), self._probe.placed()
                return self._probe.document(kind, query={"limit": 1})["next_cursor"]


def _embeddings(number: int) -> list[list[int]]:
    chance = random.Random(number)  # noqa: S311 - the same in every check
    drawn = [chance.randint(-MAXIMUM, MAXIMUM) for _ in range(DIMENSIONS)]
    return [drawn[turn:] + drawn[:turn] for turn in range(chance.randint(1, 32))]


def _is_id(value: object) -> bool:
    """Whether a service might take this for one."""
    try:
        number = float(unquote(str(value)))
    except ValueError:
        return False
    return number >= 1 and number.is_integer()


def _known_products(lines: list[Any]) -> list[Any]:
    """The same lines, with different products that the seed has."""
    known: dict[int, Any] = {}
    for line in lines:
        product_id = int(line["product_id"]) % _ORDERED_PRODUCTS + 1
        while product_id in known:
            product_id = product_id % _ORDERED_PRODUCTS + 1
        known[product_id] = {**line, "product_id": product_id}
    return list(known.values())
