"""How the reference service is made to break one rule: by overriding a method or two of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from shop import cursor
from shop.problems import FieldError

from tests.contract.reference_service import Answer, Request, Shop
from tests.contract.reference_streams import Streams


@dataclass(frozen=True)
class Broken:
    """`case` is the one that must say so."""

    rule: str
    how: dict[str, Any]
    role: str
    case: str

    def kind(self) -> type[Shop]:
        return type("Broken", (Shop,), self.how)


def violations_but(keep: Callable[[FieldError, Any], bool]) -> Any:
    """The violations without those that `keep` says no to, given the wrong value of the body."""

    def violations(shop: Shop, operation: str, request: Request) -> list[FieldError]:
        errors = Shop.violations(shop, operation, request)
        return [error for error in errors if keep(error, value(error, request.body))]

    return violations


def value(error: FieldError, body: Any) -> Any:
    value = body
    for part in error.field.split("/")[1:] if error.where == "body" else []:
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, TypeError, ValueError, IndexError):
            return None
    return value


def changed(operation: str, change: Callable[[Any], Any]) -> dict[str, Any]:
    """The JSON of one operation's good answer, changed."""

    def changed(shop: Shop, request: Request) -> Answer:
        status, document, headers = getattr(Shop, operation)(shop, request)
        return status, change(document), headers

    return {operation: changed}


def headers(operation: str, change: Callable[[dict[str, str]], dict[str, str]]) -> dict[str, Any]:
    def changed(shop: Shop, request: Request) -> Answer:
        status, document, headers = getattr(Shop, operation)(shop, request)
        return status, document, change(dict(headers))

    return {operation: changed}


def problems(change: Callable[[Any, dict[str, str]], tuple[Any, dict[str, str]]]) -> dict[str, Any]:
    def answer(shop: Shop, request: Request) -> Answer:
        status, document, headers = Shop.answer(shop, request)
        return (status, *change(document, dict(headers))) if status >= 400 else (status, document, headers)

    return {"answer": answer}


def offset_pages(shop: Shop, request: Request, items: list[Any], ascending: bool) -> Answer:
    limit = int(float(request.parameter("limit", "20")))
    start = cursor.decode(request.parameter("cursor")) if request.parameter("cursor") else 0
    more = len(items) > start + limit
    return (
        200,
        {"items": items[start : start + limit], "next_cursor": cursor.encode(start + limit) if more else None},
        {},
    )


def streams(**how: Any) -> dict[str, Any]:
    """Streams of which these members are others."""
    return {"kind_of_streams": type("BrokenStreams", (Streams,), how)}


def racy(method: str) -> dict[str, Any]:
    """What is checked is done a moment later, and nobody is kept from coming between."""

    def racy(shop: Shop, request: Request) -> Answer:
        unlocked = type(shop)(shop.role, shop.catalog.geturl())
        unlocked.__dict__.update(shop.__dict__)
        unlocked.lock = nullcontext()  # type: ignore[assignment]
        answer: Answer = getattr(Shop, method)(unlocked, request)
        return answer

    return {method: racy, "check_sku": slow_check("check_sku"), "may_move": slow_check("may_move")}


def slow_check(method: str) -> Any:
    def check(shop: Shop, *arguments: Any) -> Any:
        result = getattr(Shop, method)(shop, *arguments)
        time.sleep(0.05)
        return result

    return check


def without(name: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda headers: {key: value for key, value in headers.items() if key != name}
