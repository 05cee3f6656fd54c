"""Broken rules of placing orders."""

from __future__ import annotations

import json
import time
from contextlib import nullcontext, suppress
from dataclasses import replace
from threading import Barrier, BrokenBarrierError
from typing import Any

from shop import idempotency
from shop.problems import FieldError, Problem

from tests.contract.breaking import Broken, changed, headers, problems, without
from tests.contract.reference_service import DEADLINE_S, Answer, Request, Shop


def _oversells(shop: Shop, lines: list[tuple[int, int]]) -> None:
    if any(shop.stock.get(product_id, 0) < quantity for product_id, quantity in lines):
        raise Problem("out-of-stock", "There is too little")
    time.sleep(0.02)
    for product_id, quantity in lines:
        shop.stock[product_id] -= quantity


def _takes_line_by_line(shop: Shop, lines: list[tuple[int, int]]) -> None:
    for line in lines:
        Shop.take_stock(shop, [line])


def _takes_none(shop: Shop, lines: list[tuple[int, int]]) -> None:
    """Stock is never lowered."""


def _deadlocks(shop: Shop, lines: list[tuple[int, int]]) -> None:
    """Orders of the same products in another order meanwhile are given up, as a database does."""
    busy = shop.__dict__.setdefault("busy", {})
    mine = tuple(product_id for product_id, _ in lines)
    if any(other != mine and set(other) & set(mine) for other in busy.values()):
        raise Problem("internal-error", "deadlock detected")
    busy[id(lines)] = mine
    time.sleep(0.02)
    Shop.take_stock(shop, lines)
    busy.pop(id(lines), None)


def _keys_checked_too_early() -> dict[str, Any]:
    """A request that found its key unused waits, for a second at most, until another has found it unused too."""
    both_looked = Barrier(2)

    def new_order(shop: Shop, lines: list[tuple[int, int]]) -> Any:
        with suppress(BrokenBarrierError):
            both_looked.wait(timeout=1)
        return Shop.new_order(shop, lines)

    return {"exclusively": lambda shop, key: nullcontext(), "new_order": new_order}


def _replays_now(shop: Shop, lines: list[tuple[int, int]], fingerprint: str, order: Any) -> Answer:
    status, first, headers = Shop.replay(shop, lines, fingerprint, order)
    return status, shop.orders[first["id"]], headers


def _remembers_nothing(shop: Shop, request: Request) -> Answer:
    shop.placed.clear()
    return Shop.place_order(shop, request)


def _keeps_refused_keys(shop: Shop, request: Request) -> Answer:
    key = request.headers["Idempotency-Key"]
    if key in shop.__dict__.setdefault("refused", set()):
        raise Problem("idempotency-key-reused", "It was refused before")
    try:
        return Shop.place_order(shop, request)
    except Problem as problem:
        if problem.kind != "idempotency-key-reused":
            shop.__dict__["refused"].add(key)
        raise


def _compares_text(shop: Shop, request: Request) -> Answer:
    sent = shop.__dict__.setdefault("sent", {})
    text = json.dumps(request.body)
    if sent.setdefault(request.headers["Idempotency-Key"], text) != text:
        raise Problem("idempotency-key-reused", "The key placed another order")
    return Shop.place_order(shop, request)


def _prices_before_key(shop: Shop, request: Request) -> Answer:
    shop.offers([int(line["product_id"]) for line in request.body["lines"]])
    return Shop.place_order(shop, request)


def _takes_any_content(shop: Shop, lines: list[tuple[int, int]], fingerprint: str, order: Any) -> Answer:
    return Shop.replay(shop, lines, idempotency.fingerprint(lines), order)


def _one_after_the_other(shop: Shop, product_ids: list[int]) -> Any:
    return {product_id: shop.offer(product_id) for product_id in product_ids}


def _offer_as(problem: Problem, *kinds: str) -> dict[str, Any]:
    def offer(shop: Shop, product_id: int) -> Any:
        try:
            return Shop.offer(shop, product_id)
        except Problem as found:
            raise problem if found.kind in kinds else found from None

    return {"offer": offer}


def _reads_the_first_only(shop: Shop, product_ids: list[int]) -> Any:
    offers = dict(Shop.offers(shop, product_ids[:1]))
    return dict.fromkeys(product_ids, offers[product_ids[0]])


def _priced_now(shop: Shop, request: Request) -> Answer:
    status, order, headers = Shop.get_order(shop, request)
    lines = [{**line, "name": shop.offer(line["product_id"]).name} for line in order["lines"]]
    return status, {**order, "lines": lines}, headers


def _no_fractions(shop: Shop, operation: str, request: Request) -> list[FieldError]:
    errors = Shop.violations(shop, operation, request)
    floats = ".0" in json.dumps(request.body)
    return [*errors, FieldError("body", "/lines/0/quantity", "is no integer")] if floats else errors


def _in_euro(shop: Shop, product_ids: list[int]) -> Any:
    offers = Shop.offers(shop, product_ids)
    return {product_id: replace(offer, currency="EUR") for product_id, offer in offers.items()}


def _takes_again(shop: Shop, lines: list[tuple[int, int]], fingerprint: str, order: Any) -> Answer:
    shop.stock[lines[0][0]] -= 1
    return Shop.replay(shop, lines, fingerprint, order)


BROKEN = (
    Broken(
        "an unknown product is refused at once",
        {"offers": _one_after_the_other},
        "orders",
        "placeOrder: a catalog that fails comes before an unknown product",
    ),
    Broken(
        "lines are sorted",
        changed("place_order", lambda d: {**d, "lines": sorted(d["lines"], key=lambda line: str(line["product_id"]))}),
        "orders",
        "placeOrder: an order comes back as it was placed",
    ),
    Broken(
        "totals leave out quantities",
        changed("place_order", lambda d: {**d, "total": d["lines"][0]["unit_price"]}),
        "orders",
        "placeOrder: an order comes back as it was placed",
    ),
    Broken(
        "every order is a replay",
        headers("place_order", lambda h: {**h, "Idempotency-Replayed": "true"}),
        "orders",
        "placeOrder: an order comes back as it was placed",
    ),
    Broken(
        "all lines cost what the first does",
        {"offers": _reads_the_first_only},
        "orders",
        "placeOrder: name and price are the catalog's",
    ),
    Broken(
        "totals are capped",
        changed(
            "place_order",
            lambda d: {**d, "total": {**d["total"], "amount_minor": min(d["total"]["amount_minor"], 2**31)}},
        ),
        "orders",
        "placeOrder: prices and quantities to the schema's edges are summed",
    ),
    Broken(
        "orders show today's prices", {"get_order": _priced_now}, "orders", "placeOrder: later prices change nothing"
    ),
    Broken("2.0 is no integer", {"violations": _no_fractions}, "orders", "placeOrder: 2.0 is 2"),
    Broken(
        "stock is not lowered",
        {"take_stock": _takes_none},
        "orders",
        "placeOrder: stock is lowered by what was ordered",
    ),
    Broken(
        "stock is lowered line by line",
        {"take_stock": _takes_line_by_line},
        "orders",
        "placeOrder: a refused line lowers no stock",
    ),
    Broken(
        "stock is endless where unknown",
        {"take_stock": _takes_none},
        "orders",
        "placeOrder: a product without stock is refused",
    ),
    Broken(
        "an unknown product is 404",
        _offer_as(Problem("not-found", "no"), "product-unknown"),
        "orders",
        "placeOrder: a product that the catalog does not have is refused",
    ),
    Broken(
        "the first currency counts", {"offers": _in_euro}, "orders", "placeOrder: currencies that differ are refused"
    ),
    Broken(
        "keys are not remembered",
        {"place_order": _remembers_nothing},
        "orders",
        "placeOrder: a key used again answers the first result",
    ),
    Broken(
        "replays don't say so",
        headers("place_order", without("Idempotency-Replayed")),
        "orders",
        "placeOrder: a key used again answers the first result",
    ),
    Broken(
        "a key used again takes stock again",
        {"replay": _takes_again},
        "orders",
        "placeOrder: a key used again lowers stock once",
    ),
    Broken(
        "replays answer the order as it is",
        {"replay": _replays_now},
        "orders",
        "placeOrder: a key used again answers the first result after a move",
    ),
    Broken(
        "content is compared as text",
        {"place_order": _compares_text},
        "orders",
        "placeOrder: content is compared after validation",
    ),
    Broken(
        "a key answers for any content",
        {"replay": _takes_any_content},
        "orders",
        "placeOrder: a key used for another content is refused",
    ),
    Broken(
        "refused requests use their key",
        {"place_order": _keeps_refused_keys},
        "orders",
        "placeOrder: a refused request leaves its key unused",
    ),
    Broken(
        "stock is checked too early",
        {"take_stock": _oversells},
        "orders",
        "placeOrder: 50 orders at once sell 10 pieces, never more",
    ),
    Broken(
        "orders deadlock",
        {"take_stock": _deadlocks},
        "orders",
        "placeOrder: orders of the same products in any order don't block",
    ),
    Broken(
        "keys are checked too early",
        _keys_checked_too_early(),
        "orders",
        "placeOrder: 10 requests at once with one key place one order",
    ),
    Broken(
        "keys are checked too early for contents",
        _keys_checked_too_early(),
        "orders",
        "placeOrder: one key and 10 contents at once place one order",
    ),
    Broken(
        "wrong answers of the catalog are 500",
        _offer_as(Problem("internal-error", "no"), "dependency-unavailable"),
        "orders",
        "placeOrder: a catalog that answers wrongly is 503",
    ),
    Broken(
        "Retry-After is missing",
        problems(lambda d, h: (d, without("Retry-After")(h))),
        "orders",
        "placeOrder: one wrong answer among many is 503",
    ),
    Broken(
        "a broken catalog uses the key",
        {"place_order": _keeps_refused_keys},
        "orders",
        "placeOrder: an order refused for the catalog may be sent again",
    ),
    Broken(
        "there is no deadline",
        {"catalog_deadline_s": 2 * DEADLINE_S},
        "orders",
        "placeOrder: a catalog that does not answer is 504",
    ),
    Broken(
        "the deadline is for each byte",
        {"catalog_deadline_s": 2 * DEADLINE_S},
        "orders",
        "placeOrder: an answer that trickles in is 504 too",
    ),
    Broken(
        "the deadline is too short",
        {"catalog_deadline_s": DEADLINE_S / 4},
        "orders",
        "placeOrder: a slow answer below the deadline is waited for",
    ),
    Broken(
        "prices are read one after the other",
        {"offers": _one_after_the_other},
        "orders",
        "placeOrder: prices are read concurrently",
    ),
    Broken(
        "a catalog that is down is 504",
        _offer_as(Problem("upstream-timeout", "no"), "dependency-unavailable"),
        "orders",
        "placeOrder: a catalog that is down is 503",
    ),
    Broken(
        "replays ask the catalog",
        {"place_order": _prices_before_key},
        "orders",
        "placeOrder: a catalog that is down is 503",
    ),
)
