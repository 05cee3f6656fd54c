"""Broken rules of the catalog and of its search."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from shop import cursor
from shop.problems import FieldError, Problem

from tests.contract.breaking import (
    Broken,
    changed,
    headers,
    offset_pages,
    racy,
    without,
)
from tests.contract.reference_service import Answer, Request, Shop


def _eager_cursor(shop: Shop, request: Request, items: list[Any], ascending: bool) -> Answer:
    status, page, headers = Shop.page(shop, request, items, ascending)
    full = len(page["items"]) == int(request.parameter("limit", "20"))
    return status, {**page, "next_cursor": cursor.encode(page["items"][-1]["id"]) if full else None}, headers


def _digits_only(shop: Shop, operation: str, request: Request) -> list[FieldError]:
    wrong = [FieldError("path", name, "is wrong") for name, value in request.values.items() if not value.isdigit()]
    return wrong or Shop.violations(shop, operation, request)


@lru_cache(30_000)
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def _finds(words: Callable[[frozenset[str], frozenset[str]], bool]) -> dict[str, Any]:
    def found(shop: Shop, category: str, q: str | None) -> list[Any]:
        every = Shop.found(shop, category, None)
        if q is None:
            return every
        return [p for p in every if words(_words(q), _words(f"{p['name']} {p['description']}"))]

    return {"found": found}


def _websearch(shop: Shop, category: str, q: str | None) -> list[Any]:
    if q is not None and (" or " in q or " | " in q):
        return [p for part in re.split(r" or | \| ", q) for p in Shop.found(shop, category, part)]
    return Shop.found(shop, category, q)


def _filled_late(shop: Shop, request: Request) -> Answer:
    """Answers what was there a moment ago: a reader that fills the cache after the write."""
    stale: dict[int, Answer] = shop.__dict__.setdefault("stale", {})
    before, now = stale.get(request.id), Shop.get_product(shop, request)
    stale[request.id] = now
    return before or now


def _leaves_stale(shop: Shop, request: Request) -> Answer:
    """As if readers that began before the write had filled the cache after it: a dozen reads see the old one."""
    shop.__dict__["stale"] = [Shop.get_product(shop, request)] * 12
    return Shop.replace_product(shop, request)


def _read_stale(shop: Shop, request: Request) -> Answer:
    stale: list[Answer] = shop.__dict__.get("stale", [])
    return stale.pop() if stale else Shop.get_product(shop, request)


def _trims(shop: Shop, request: Request) -> Answer:
    request.body = {**request.body, "name": request.body["name"].strip() or "-"}
    return Shop.create_product(shop, request)


def _keeps_description(shop: Shop, request: Request) -> Answer:
    old = shop.products.get(request.id, {})
    request.body = {"description": old.get("description", ""), **request.body}
    return Shop.replace_product(shop, request)


def _creates_by_put(shop: Shop, request: Request) -> Answer:
    if request.id not in shop.products:
        return 200, {**next(iter(shop.products.values())), "id": request.id}, {}
    return Shop.replace_product(shop, request)


def _deletes_nothing(shop: Shop, request: Request) -> Answer:
    shop.existing(shop.products, request)
    return 204, None, {}


def _deletes_twice(shop: Shop, request: Request) -> Answer:
    shop.existing(shop.products, request)
    time.sleep(0.05)
    shop.products.pop(request.id, None)
    return 204, None, {}


def _naive(document: Any) -> Any:
    return {**document, "created_at": datetime.now(UTC).replace(tzinfo=None).isoformat()}


def _long_words_crash(shop: Shop, category: str, q: str | None) -> list[Any]:
    if len(q or "") == 100:
        raise Problem("internal-error", "a crash")
    return Shop.found(shop, category, q)


def _replaces_unindexed(shop: Shop, request: Request) -> Answer:
    shop.__dict__.setdefault("indexed", {})[request.id] = shop.existing(shop.products, request)
    return Shop.replace_product(shop, request)


def _finds_indexed(shop: Shop, category: str, q: str | None) -> list[Any]:
    now = shop.products
    shop.products = {**now, **shop.__dict__.get("indexed", {})}
    try:
        return Shop.found(shop, category, q)
    finally:
        shop.products = now


BROKEN = (
    Broken(
        "an id has digits only",
        {"violations": _digits_only},
        "catalog",
        "getProduct: an id may be written with a zero fraction",
    ),
    Broken(
        "the seed is not there",
        changed("get_product", lambda d: {**d, "name": "Other"}),
        "catalog",
        "getProduct: a seeded product is there",
    ),
    Broken(
        "a page has 10 items",
        {"page": lambda shop, r, items, ascending: Shop.page(shop, r, items[:10], ascending)},
        "catalog",
        "listProducts: a page has 20 items by ascending id, or as many as asked for",
    ),
    Broken(
        "pages don't follow",
        {
            "page": offset_pages,
            "list_products": lambda shop, r: shop.page(
                r, list(shop.products.values())[:: -1 if r.parameter("cursor") else 1], True
            ),
        },
        "catalog",
        "listProducts: pages follow each other without a gap",
    ),
    Broken(
        "pages go by position",
        {"page": offset_pages},
        "catalog",
        "listProducts: products removed meanwhile hide nothing",
    ),
    Broken(
        "new products come first",
        {
            "list_products": lambda shop, r: offset_pages(
                shop, r, sorted(shop.found(r.parameter("category"), None), key=lambda p: -p["id"]), True
            )
        },
        "catalog",
        "listProducts: products inserted meanwhile repeat and hide nothing",
    ),
    Broken(
        "a full last page has a cursor",
        {"page": _eager_cursor},
        "catalog",
        "listProducts: the last page has no next_cursor",
    ),
    Broken(
        "categories match by their beginning",
        {"found": lambda shop, c, q: [p for p in shop.products.values() if p["category"].startswith(c)]},
        "catalog",
        "listProducts: pages of a category hold each product once",
    ),
    Broken(
        "a member too many is answered",
        changed("get_product", lambda d: {**d, "stock": 1}),
        "catalog",
        "createProduct: a product comes back as it was sent",
    ),
    Broken(
        "timestamps have no zone",
        changed("create_product", _naive),
        "catalog",
        "createProduct: a product comes back as it was sent",
    ),
    Broken(
        "Location is missing",
        headers("create_product", without("Location")),
        "catalog",
        "createProduct: a product comes back as it was sent",
    ),
    Broken(
        "Location leads elsewhere",
        headers("create_product", lambda h: {"Location": "/products/1"}),
        "catalog",
        "createProduct: a product comes back as it was sent",
    ),
    Broken(
        "names are trimmed",
        {"create_product": _trims},
        "catalog",
        "createProduct: what fits the schema is taken and kept",
    ),
    Broken(
        "a description left out is null",
        changed("create_product", lambda d: {**d, "description": d["description"] or None}),
        "catalog",
        "createProduct: a description left out is empty",
    ),
    Broken(
        "a sku may be taken twice",
        {"check_sku": lambda shop, sku, own: None},
        "catalog",
        "createProduct: a sku that is taken is refused",
    ),
    Broken(
        "one's own sku is refused",
        {"check_sku": lambda shop, sku, own: Shop.check_sku(shop, sku, 0)},
        "catalog",
        "replaceProduct: another's sku is refused, one's own is not",
    ),
    Broken(
        "PUT keeps what is left out",
        {"replace_product": _keeps_description},
        "catalog",
        "replaceProduct: everything is replaced",
    ),
    Broken(
        "PUT creates",
        {"replace_product": _creates_by_put},
        "catalog",
        "replaceProduct: a product that does not exist is 404",
    ),
    Broken(
        "writes leave the cache",
        {"get_product": _filled_late},
        "catalog",
        "replaceProduct: a read after the answer sees it",
    ),
    Broken(
        "readers bring the old one back",
        {"get_product": _read_stale, "replace_product": _leaves_stale},
        "catalog",
        "replaceProduct: readers at once never bring the old one back",
    ),
    Broken(
        "removed products stay",
        {"delete_product": _deletes_nothing},
        "catalog",
        "deleteProduct: a removed product is gone",
    ),
    Broken(
        "removed products keep their sku",
        {"delete_product": _deletes_nothing},
        "catalog",
        "deleteProduct: a removed product's sku is free",
    ),
    Broken(
        "skus are checked too early",
        racy("create_product"),
        "catalog",
        "createProduct: one of 10 requests at once gets the sku",
    ),
    Broken(
        "everyone removes",
        {"delete_product": _deletes_twice},
        "catalog",
        "deleteProduct: one of 10 removals at once succeeds",
    ),
    Broken(
        "any word is enough",
        _finds(lambda wanted, text: bool(wanted & text)),
        "catalog",
        "listProducts: q finds products that hold every word",
    ),
    Broken(
        "words match by their beginning",
        _finds(lambda wanted, text: all(any(t.startswith(w) for t in text) for w in wanted)),
        "catalog",
        "listProducts: q finds products that hold every word",
    ),
    Broken("q has operators", {"found": _websearch}, "catalog", "listProducts: q has no operators"),
    Broken("long words are a crash", {"found": _long_words_crash}, "catalog", "listProducts: q is taken to its edges"),
    Broken(
        "no word finds everything",
        _finds(lambda wanted, text: wanted <= text),
        "catalog",
        "listProducts: q without a word finds nothing",
    ),
    Broken(
        "q forgets the category",
        {"found": lambda shop, c, q: Shop.found(shop, "" if q else c, q)},
        "catalog",
        "listProducts: q goes with category and pages",
    ),
    Broken(
        "q sees what was",
        {"found": _finds_indexed, "replace_product": _replaces_unindexed},
        "catalog",
        "listProducts: q sees a product as it was replaced",
    ),
)
