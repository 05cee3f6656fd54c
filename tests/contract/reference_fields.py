"""Which fields of a request violate the schema, for the reference service."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shop import cursor, documents, idempotency
from shop.problems import FieldError

Check = Callable[[Any], bool]
INT64_MAX = 2**63 - 1


def integer(low: int, high: int) -> Check:
    def fits(value: Any) -> bool:
        whole = type(value) is int or (type(value) is float and value.is_integer())
        return whole and low <= value <= high

    return fits


def text(pattern: str, low: int = 0, high: int = 10**6) -> Check:
    whole = re.compile(pattern, re.DOTALL)

    def fits(value: Any) -> bool:
        return (
            isinstance(value, str)
            and documents.is_text(value)
            and low <= len(value) <= high
            and whole.fullmatch(value) is not None
        )

    return fits


PRICE = {"amount_minor": integer(0, 10**9), "currency": text("[A-Z]{3}")}
CATEGORY = text("[a-z][a-z0-9-]{0,39}")
STATUS = text("placed|confirmed|shipped|cancelled")
PRODUCT = {
    "sku": text("[A-Z0-9][A-Z0-9-]{0,39}"),
    "name": text(".+", 1, 200),
    "description": text(".*", 0, 2000),
    "category": CATEGORY,
    "price": PRICE,
}
LINE = {"product_id": integer(1, INT64_MAX), "quantity": integer(1, 100)}
OPTIONAL = {"description", "k"}
BODIES: Mapping[str, Any] = {
    "create_product": PRODUCT,
    "replace_product": PRODUCT,
    "move_order": {"to": STATUS},
    "set_stock": {"quantity": integer(0, 1_000_000)},
}


def _is_cursor(value: str) -> bool:
    try:
        return cursor.decode(value) > 0
    except ValueError:
        return False


_PAGE: Mapping[str, Check] = {
    "limit": lambda value: re.fullmatch(r"[0-9]{1,3}(\.0)?", value) is not None and 1 <= float(value) <= 100,
    "cursor": _is_cursor,
}
QUERIES: Mapping[str, Mapping[str, Check]] = {
    "list_products": {**_PAGE, "category": CATEGORY, "q": text(".+", 1, 100)},
    "list_orders": {**_PAGE, "status": STATUS},
}


def of_query(operation: str, query: list[tuple[str, str]]) -> Iterator[FieldError]:
    for name, fits in QUERIES.get(operation, {}).items():
        values = [value for key, value in query if key == name]
        if len(values) > 1 or (values and not fits(values[0])):
            yield FieldError("query", name, "is wrong")


def of_path(values: Mapping[str, str]) -> Iterator[FieldError]:
    for name, value in values.items():
        digits = value.removesuffix(".0")
        if not (re.fullmatch("[0-9]{1,19}", digits) and 1 <= int(digits) <= INT64_MAX):
            yield FieldError("path", name, "is wrong")


def of_body(operation: str, body: Any) -> Iterator[FieldError]:
    if operation == "place_order":
        yield from _of_order(body)
    elif operation == "recommend":
        yield from _of_recommendation(body)
    elif operation in BODIES:
        yield from _of_object("", body, BODIES[operation])


def _wrong(place: str) -> FieldError:
    return FieldError("body", place, "is wrong")


def _of_object(place: str, value: Any, members: Mapping[str, Any]) -> Iterator[FieldError]:
    if not isinstance(value, dict):
        yield _wrong(place)
        return
    for name in {*members, *value} - (OPTIONAL - value.keys()):
        below = place + documents.pointer(name)
        if name not in members or name not in value:
            yield _wrong(below)
        elif isinstance(members[name], dict):
            yield from _of_object(below, value[name], members[name])
        elif not members[name](value[name]):
            yield _wrong(below)


def _of_order(body: Any) -> Iterator[FieldError]:
    lines = body.get("lines") if isinstance(body, dict) else None
    yield from _of_object("", body, {"lines": _has_items(1, 20)})
    if not isinstance(lines, list) or not 1 <= len(lines) <= 20:
        return
    seen = set()
    for position, line in enumerate(lines):
        place = f"/lines/{position}"
        errors = list(_of_object(place, line, LINE))
        yield from errors
        if not errors:
            if line["product_id"] in seen:
                yield _wrong(f"{place}/product_id")
            seen.add(line["product_id"])


def _of_recommendation(body: Any) -> Iterator[FieldError]:
    yield from _of_object("", body, {"embeddings": _has_items(1, 32), "k": integer(1, 100)})
    embeddings = body.get("embeddings") if isinstance(body, dict) else None
    if not isinstance(embeddings, list) or len(embeddings) > 32:
        return
    for position, embedding in enumerate(embeddings):
        place = f"/embeddings/{position}"
        if not _has_items(64, 64)(embedding):
            yield _wrong(place)
        else:
            wrong = [number for number, value in enumerate(embedding) if not integer(-127, 127)(value)]
            yield from (_wrong(f"{place}/{number}") for number in wrong)


def _has_items(low: int, high: int) -> Check:
    return lambda value: isinstance(value, list) and low <= len(value) <= high


def of_last_event(last: str | None) -> Iterator[FieldError]:
    if last is not None and not (re.fullmatch("[0-9]{1,19}", last) and 1 <= int(last) <= INT64_MAX):
        yield FieldError("header", "Last-Event-ID", "is wrong")


def of_key(key: str | None) -> Iterator[FieldError]:
    if key is None or not idempotency.KEY.fullmatch(key):
        yield FieldError("header", "Idempotency-Key", "is wrong")
