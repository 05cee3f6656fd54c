"""The catalog's promises about one product and about pages of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from shop import seed

from lab.contract.cases.case import Case, case
from lab.contract.document import Contract
from lab.contract.probe import Probe

_MISSING_ID = 2**63 - 1
_CACHE_ROUNDS = 40

# Product inputs that fit the schema to its edges -> all of them come back as they were sent.
_FITTING: Mapping[str, Mapping[str, Any]] = {
    "the longest name": {"name": "n" * 200},
    "200 code points beyond the basic plane": {"name": "\U0001f331" * 200},
    "blanks around a name": {"name": "  padded\t"},
    "a name of one blank": {"name": " "},
    "line breaks and controls": {"name": "one\ntwo\r\n\x01three", "description": "\u2028\x7f"},
    "quotes, markup and backslashes": {
        "name": "\"'<b>\\u0041&amp;</b>%s{}",
        "description": "'; DROP TABLE product; --",
    },
    "combining letters, as they are": {"name": "e\u0301 ö ß ﬁ İ", "description": "العربية 中文 नमस्ते"},
    "the longest description": {"description": "d" * 2000},
    "the longest category": {"category": "c" * 40},
    "the shortest category": {"category": "x"},
    "the lowest price": {"price": {"amount_minor": 0, "currency": "JPY"}},
    "the highest price": {"price": {"amount_minor": 1_000_000_000, "currency": "EUR"}},
    "an integer written with a zero fraction": {"price": {"amount_minor": 44.0, "currency": "EUR"}},
}


def cases(contract: Contract, role: str) -> Iterable[Case]:
    if role != "catalog":
        return
    yield case("a seeded product is there", "getProduct", _seeded)
    yield case("an id may be written with a zero fraction", "getProduct", _zero_fraction)
    yield case("a product that does not exist is 404", "getProduct", _missing)
    yield case("a page has 20 items by ascending id, or as many as asked for", "listProducts", _first_page)
    yield case("pages follow each other without a gap", "listProducts getProduct", _following_pages)
    yield case("a product comes back as it was sent", "createProduct getProduct", _comes_back)
    yield case("what fits the schema is taken and kept", "createProduct getProduct", _fitting)
    yield case("a description left out is empty", "createProduct", _defaults)
    yield case("a sku that is taken is refused", "createProduct getProduct listProducts", _sku_taken)
    yield case("pages of a category hold each product once", "listProducts createProduct", _category_pages)
    yield case("the last page has no next_cursor", "listProducts createProduct", _last_page)
    yield case("products inserted meanwhile repeat and hide nothing", "listProducts createProduct", _inserted)
    yield case("products removed meanwhile hide nothing", "listProducts createProduct deleteProduct", _removed)
    yield case("everything is replaced", "replaceProduct createProduct getProduct listProducts", _replaces)
    yield case("a product that does not exist is 404", "replaceProduct", _replaces_nothing)
    yield case("another's sku is refused, one's own is not", "replaceProduct createProduct getProduct", _replaces_sku)
    yield case("a read after the answer sees it", "replaceProduct createProduct getProduct", _read_after_write)
    yield case("a removed product is gone", "deleteProduct createProduct getProduct listProducts", _removes)
    yield case("a removed product's sku is free", "deleteProduct createProduct", _frees_sku)


def _get(probe: Probe, product_id: int) -> Any:
    return probe.document("getProduct", path={"product_id": product_id})


def _seeded(probe: Probe) -> None:
    for row in seed.products(3):
        answer = probe.succeed(probe.setting.request("getProduct", path={"product_id": row[0]}))
        product = answer.document
        found = (product["id"], product["sku"], product["name"], product["description"], product["category"])
        price = (product["price"]["amount_minor"], product["price"]["currency"])
        probe.expect((*found, *price) == row, answer, f"the seed's row {row}")


def _zero_fraction(probe: Probe) -> None:
    answer = probe.succeed(probe.setting.request("getProduct", path={"product_id": "1.0"}))
    probe.expect(answer.document["id"] == 1, answer, "product 1")


def _missing(probe: Probe) -> None:
    request = probe.setting.request("getProduct", path={"product_id": _MISSING_ID})
    for _ in range(2):
        probe.refused(request, "not-found")


def _first_page(probe: Probe) -> None:
    for query, length in (("", 20), ("limit=1", 1), ("limit=100", 100), ("limit=5.0", 5), ("unknown=x&unknown=y", 20)):
        answer = probe.succeed(probe.setting.request("listProducts", query=query))
        ids = [item["id"] for item in answer.document["items"]]
        probe.expect(len(ids) == length, answer, f"{length} items", f"{len(ids)} items")
        probe.expect(ids == sorted(set(ids)), answer, "ids in ascending order", ids)


def _following_pages(probe: Probe) -> None:
    whole = probe.document("listProducts", query={"limit": 12})["items"]
    cursor, parts = None, []
    for _ in range(4):
        query = {"limit": 3} if cursor is None else {"limit": 3, "cursor": cursor}
        answer = probe.succeed(probe.setting.request("listProducts", query=query))
        probe.require(answer.document["next_cursor"] is not None, answer, "a next_cursor before the last page")
        parts += answer.document["items"]
        cursor = answer.document["next_cursor"]
        probe.expect(parts == whole[: len(parts)], answer, "the items that one large page has", _ids(parts))
    product = _get(probe, whole[0]["id"])
    answer = probe.succeed(probe.setting.request("listProducts", query={"limit": 1}))
    probe.expect(answer.document["items"][0] == product, answer, f"the product as it is read alone: {product}")


def _ids(items: list[Any]) -> str:
    return f"ids {[item['id'] for item in items]}"


def _same(product: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(product[name] == value for name, value in wanted.items())


def _comes_back(probe: Probe) -> None:
    wanted = probe.product()
    answer = probe.succeed(probe.setting.request("createProduct", body=wanted), 201)
    created = answer.document
    probe.expect(_same(created, wanted), answer, f"what was sent: {wanted}")
    location = answer.headers.get("location", "")
    probe.expect(location == f"/products/{created['id']}", answer, f"Location: /products/{created['id']}", location)
    read = probe.succeed(probe.setting.request("getProduct", path={"product_id": created["id"]}))
    probe.expect(read.document == created, read, f"what the creation answered: {created}")


def _fitting(probe: Probe) -> None:
    for what, part in _FITTING.items():
        with probe.about(what):
            wanted = probe.product(**part)
            answer = probe.send(probe.setting.request("createProduct", body=wanted))
            if not probe.conforms(answer, 201):
                continue
            probe.expect(_same(answer.document, wanted), answer, f"what was sent: {part}")
            for _ in range(2):
                read = probe.succeed(probe.setting.request("getProduct", path={"product_id": answer.document["id"]}))
                probe.expect(_same(read.document, wanted), read, f"what was sent: {part}")


def _defaults(probe: Probe) -> None:
    wanted = probe.product()
    del wanted["description"]
    answer = probe.succeed(probe.setting.request("createProduct", body=wanted), 201)
    probe.expect(answer.document["description"] == "", answer, "an empty description")


def _sku_taken(probe: Probe) -> None:
    category = probe.ids.word()
    first = probe.created(category=category)
    again = probe.setting.request("createProduct", body=probe.product(sku=first["sku"], category=category))
    probe.refused(again, "sku-taken")
    answer = probe.succeed(probe.setting.request("listProducts", query={"category": category}))
    probe.expect(answer.document["items"] == [first], answer, f"only the first product: {first}")


def _category_pages(probe: Probe) -> None:
    category = probe.ids.word()
    created = [probe.created(category=category) for _ in range(7)]
    probe.created(category=f"{category}-other")
    for limit in (3, 7, 100):
        items = probe.pages("listProducts", category=category, limit=limit)
        answer = probe.send(probe.setting.request("listProducts", query={"category": category, "limit": limit}))
        probe.expect(items == created, answer, _ids(created), _ids(items))
    nothing = probe.document("listProducts", query={"category": f"{category}-none"})
    probe.expect(nothing == {"items": [], "next_cursor": None}, answer, "no item in a category of nothing", nothing)


def _last_page(probe: Probe) -> None:
    category = probe.ids.word()
    for _ in range(4):
        probe.created(category=category)
    full = probe.succeed(probe.setting.request("listProducts", query={"category": category, "limit": 2}))
    query = {"category": category, "limit": 2, "cursor": full.document["next_cursor"]}
    last = probe.succeed(probe.setting.request("listProducts", query=query))
    probe.expect(last.document["next_cursor"] is None, last, "next_cursor null on the last page, though it is full")


def _inserted(probe: Probe) -> None:
    category = probe.ids.word()
    created = [probe.created(category=category) for _ in range(6)]
    items = probe.pages(
        "listProducts", lambda: created.append(probe.created(category=category)), category=category, limit=4
    )
    answer = probe.send(probe.setting.request("listProducts", query={"category": category, "limit": 4}))
    probe.expect(items[:6] == created[:6], answer, f"first the {_ids(created[:6])}", _ids(items))
    probe.expect(len({item["id"] for item in items}) == len(items), answer, "no product twice", _ids(items))


def _removed(probe: Probe) -> None:
    category = probe.ids.word()
    created = [probe.created(category=category) for _ in range(6)]
    first = probe.succeed(probe.setting.request("listProducts", query={"category": category, "limit": 2}))
    for product in created[:2]:
        probe.succeed(probe.setting.request("deleteProduct", path={"product_id": product["id"]}), 204)
    query = {"category": category, "limit": 10, "cursor": first.document["next_cursor"]}
    rest = probe.succeed(probe.setting.request("listProducts", query=query))
    probe.expect(rest.document["items"] == created[2:], rest, _ids(created[2:]), _ids(rest.document["items"]))


def _replaces(probe: Probe) -> None:
    created = probe.created(description="to be dropped")
    wanted = probe.product(category=probe.ids.word(), price={"amount_minor": 7.0, "currency": "USD"})
    del wanted["description"]
    request = probe.setting.request("replaceProduct", path={"product_id": created["id"]}, body=wanted)
    answer = probe.succeed(request)
    replaced = answer.document
    probe.expect(_same(replaced, {**wanted, "description": ""}), answer, f"{wanted} and an empty description")
    probe.expect(replaced["id"] == created["id"], answer, "the same id")
    probe.expect(replaced["created_at"] == created["created_at"], answer, f"created_at {created['created_at']}")
    later = datetime.fromisoformat(replaced["updated_at"]) > datetime.fromisoformat(created["updated_at"])
    probe.expect(later, answer, f"updated_at after {created['updated_at']}")
    read = probe.succeed(probe.setting.request("getProduct", path={"product_id": created["id"]}))
    probe.expect(read.document == replaced, read, f"what the replacement answered: {replaced}")
    listed = probe.succeed(probe.setting.request("listProducts", query={"category": wanted["category"]}))
    probe.expect(listed.document["items"] == [replaced], listed, "the product as replaced, in its new category")


def _replaces_nothing(probe: Probe) -> None:
    probe.refused(
        probe.setting.request("replaceProduct", path={"product_id": _MISSING_ID}, body=probe.product()), "not-found"
    )


def _replaces_sku(probe: Probe) -> None:
    one, other = probe.created(), probe.created()
    path = {"product_id": one["id"]}
    probe.refused(probe.setting.request("replaceProduct", path=path, body=probe.product(sku=other["sku"])), "sku-taken")
    read = probe.succeed(probe.setting.request("getProduct", path=path))
    probe.expect(read.document == one, read, f"the product as it was: {one}")
    probe.succeed(probe.setting.request("replaceProduct", path=path, body=probe.product(sku=one["sku"])))


def _read_after_write(probe: Probe) -> None:
    """Each round reads before too, so that a cache is filled when the write comes."""
    product = probe.created()
    path = {"product_id": product["id"]}
    for _ in range(_CACHE_ROUNDS):
        _get(probe, product["id"])
        replaced = probe.document("replaceProduct", path=path, body=probe.product(sku=product["sku"]))
        for _ in range(2):
            read = probe.succeed(probe.setting.request("getProduct", path=path))
            probe.require(read.document == replaced, read, f"what the replacement before answered: {replaced}")


def _removes(probe: Probe) -> None:
    product = probe.created(category=probe.ids.word())
    path = {"product_id": product["id"]}
    _get(probe, product["id"])
    answer = probe.succeed(probe.setting.request("deleteProduct", path=path), 204)
    probe.expect(answer.body == b"", answer, "no body")
    probe.refused(probe.setting.request("getProduct", path=path), "not-found")
    probe.refused(probe.setting.request("deleteProduct", path=path), "not-found")
    listed = probe.succeed(probe.setting.request("listProducts", query={"category": product["category"]}))
    probe.expect(listed.document["items"] == [], listed, "no item in its category")


def _frees_sku(probe: Probe) -> None:
    product = probe.created()
    probe.succeed(probe.setting.request("deleteProduct", path={"product_id": product["id"]}), 204)
    probe.created(sku=product["sku"])
