"""Broken rules of orders that are placed, and of stock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from shop.orders import OrderStatus
from shop.problems import Problem

from tests.contract.breaking import Broken, offset_pages, racy
from tests.contract.reference_service import Answer, Request, Shop


def _adds_stock(shop: Shop, request: Request) -> Answer:
    request.body = {"quantity": min(1_000_000, int(request.body["quantity"]) + shop.stock.get(request.id, 0))}
    return Shop.set_stock(shop, request)


def _only_known_stock(shop: Shop, request: Request) -> Answer:
    if request.id not in shop.stock:
        raise Problem("not-found", "There is no such product")
    return Shop.set_stock(shop, request)


def _stock_conflicts(shop: Shop, request: Request) -> Answer:
    busy = shop.__dict__.setdefault("setting", set())
    if request.id in busy:
        raise Problem("internal-error", "duplicate key value violates unique constraint")
    busy.add(request.id)
    time.sleep(0.02)
    busy.discard(request.id)
    return Shop.set_stock(shop, request)


def _list_of(order: Callable[[Any], Any]) -> dict[str, Any]:
    def list_orders(shop: Shop, request: Request) -> Answer:
        status = request.parameter("status")
        found = [o for o in shop.orders.values() if status in ("", o["status"])]
        return shop.page(request, sorted(found, key=order), ascending=order({"id": 1}) > 0)

    return {"list_orders": list_orders}


def _unfiltered(shop: Shop, request: Request) -> Answer:
    request.query = [(name, value) for name, value in request.query if name != "status"]
    return Shop.list_orders(shop, request)


def _moves_in_place(shop: Shop, request: Request) -> Answer:
    """The time of the last change is not kept."""
    before = shop.existing(shop.orders, request)
    status, order, headers = Shop.move_order(shop, request)
    order = shop.orders[request.id] = {**order, "updated_at": before["updated_at"]}
    return status, order, headers


def _existing(kind: str) -> Any:
    def existing(shop: Shop, table: Any, request: Request) -> Any:
        if request.id not in table:
            raise Problem(kind, "There is none")
        return table[request.id]

    return existing


BROKEN = (
    Broken(
        "cancelling races",
        racy("move_order"),
        "orders",
        "moveOrder: an order cancelled 10 times at once gives back once",
    ),
    Broken(
        "stock is inserted twice",
        {"set_stock": _stock_conflicts},
        "orders",
        "setStock: a product's stock set at once by many",
    ),
    Broken(
        "a missing order is 409",
        {"existing": _existing("transition-refused")},
        "orders",
        "getOrder: an order that does not exist is 404",
    ),
    Broken(
        "a missing order can be moved",
        {"existing": _existing("transition-refused")},
        "orders",
        "moveOrder: an order that does not exist is 404",
    ),
    Broken(
        "orders are listed oldest first",
        _list_of(lambda o: o["id"]),
        "orders",
        "listOrders: orders are listed newest first, with their lines",
    ),
    Broken(
        "pages of orders have 10 items",
        {"page": lambda shop, r, items, ascending: Shop.page(shop, r, items[:10], ascending)},
        "orders",
        "listOrders: a page has 20 items, or as many as asked for",
    ),
    Broken(
        "orders' cursors repeat",
        {"page": lambda shop, r, items, ascending: Shop.page(shop, r, items + items[-1:], ascending)},
        "orders",
        "listOrders: the last page has no next_cursor",
    ),
    Broken(
        "pages of orders go by position",
        {"page": offset_pages},
        "orders",
        "listOrders: orders placed meanwhile repeat and hide nothing",
    ),
    Broken("status is ignored", {"list_orders": _unfiltered}, "orders", "listOrders: status filters"),
    Broken(
        "shipped orders can be cancelled",
        {
            "may_move": lambda shop, a, b: (
                Shop.may_move(shop, a, b) or (a, b) == (OrderStatus.SHIPPED, OrderStatus.CANCELLED)
            )
        },
        "orders",
        "moveOrder: exactly the documented moves are possible",
    ),
    Broken(
        "moves leave no trace of time",
        {"move_order": _moves_in_place},
        "orders",
        "moveOrder: exactly the documented moves are possible",
    ),
    Broken(
        "cancelling gives nothing back",
        {"give_back": lambda shop, lines: None},
        "orders",
        "moveOrder: a cancelled order gives its stock back",
    ),
    Broken(
        "cancelling again gives back again",
        {"may_move": lambda shop, a, b: b is OrderStatus.CANCELLED or Shop.may_move(shop, a, b)},
        "orders",
        "moveOrder: a refused move gives no stock back",
    ),
    Broken(
        "stock must be known", {"set_stock": _only_known_stock}, "orders", "setStock: stock is set, known before or not"
    ),
    Broken("stock is added to", {"set_stock": _adds_stock}, "orders", "setStock: stock is replaced, not added to"),
)
