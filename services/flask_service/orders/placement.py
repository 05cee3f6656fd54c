"""Placing an order and moving it on: what must happen together, in the order that keeps it from deadlocking.

Stock rows are changed in ascending product id, after the order's own row is held.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from shop import idempotency
from shop.orders import CurrenciesDiffer, OrderStatus, PricedLine, gives_stock_back, may_move, price
from shop.problems import Problem
from shop.streams import CHANNEL
from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from flask_service.database import violates
from flask_service.extensions import database, prices
from flask_service.orders.models import KEY_CONSTRAINT, Order, OrderEvent, OrderLine, Stock

Line = PricedLine | OrderLine

# Put together once, which takes as long as executing them. Those that make no objects are executed by the session's
# connection, for the same reason.
PLACED_BEFORE = select(Order).where(Order.idempotency_key == bindparam("key")).options(selectinload(Order.lines))
PLACE = insert(Order).returning(Order)
ADD_LINES = insert(OrderLine).returning(OrderLine.id)  # RETURNING makes it one statement for all lines
ADD_EVENT = insert(OrderEvent)
HOLD = select(Order).where(Order.id == bindparam("order_id")).options(selectinload(Order.lines)).with_for_update()
NOTIFY = select(func.pg_notify(CHANNEL, bindparam("order_id")))
OF_PRODUCT = update(Stock).where(Stock.product_id == bindparam("of"))
TAKE = (
    OF_PRODUCT.where(Stock.quantity >= bindparam("pieces"))
    .values(quantity=Stock.quantity - bindparam("pieces"))
    .returning(Stock.product_id)
)
GIVE_BACK = OF_PRODUCT.values(quantity=Stock.quantity + bindparam("pieces"))


def place(key: str, wanted: Sequence[tuple[int, int]]) -> tuple[Order, Sequence[Line], bool]:
    """The order that `key` placed, its lines, and whether it had done so before. `wanted` are (product id, quantity).

    Raises Problem where the order is refused or the catalog fails.
    """
    fingerprint = idempotency.fingerprint(wanted)
    order = _placed_before(key, fingerprint)
    if order is not None:
        return order, order.lines, True
    offers = prices.of(product_id for product_id, _ in wanted)
    try:
        lines, total_minor, currency = price(wanted, offers)
    except CurrenciesDiffer as error:
        raise Problem("currencies-differ", f"The {error}") from None
    columns = {
        "idempotency_key": key,
        "fingerprint": fingerprint,
        "status": OrderStatus.PLACED,
        "total_minor": total_minor,
        "currency": currency,
    }
    try:
        return _place(columns, lines), lines, False
    except IntegrityError as error:
        if not violates(error, KEY_CONSTRAINT):
            raise
    order = _placed_before(key, fingerprint)  # by another request, which this one has waited for
    assert order is not None, "orders are never deleted"
    return order, order.lines, True


def move(order_id: int, to: OrderStatus) -> Order:
    """The order as it is then. Raises Problem where there is none (404) or it may not (409)."""
    with database.transaction() as session:
        order = session.scalars(HOLD, {"order_id": order_id}).one_or_none()
        if order is None:
            raise not_found(order_id)
        if not may_move(order.status, to):
            raise Problem("transition-refused", f"The order is {order.status} and cannot become {to}")
        order.status = to
        session.flush()
        connection = session.connection()
        connection.execute(ADD_EVENT, {"order_id": order_id, "status": to})
        connection.execute(NOTIFY, {"order_id": str(order_id)})
        if gives_stock_back(to):
            for pieces in _of_products(order.lines):
                connection.execute(GIVE_BACK, pieces)
    return order


def not_found(order_id: int) -> Problem:
    return Problem("not-found", f"There is no order {order_id}")


def _placed_before(key: str, fingerprint: str) -> Order | None:
    """Raises Problem where the key placed another order than `fingerprint` means."""
    with database.autocommit() as session:
        order = session.scalars(PLACED_BEFORE, {"key": key}).one_or_none()
    if order is not None and order.fingerprint != fingerprint:
        raise Problem("idempotency-key-reused", "The key placed an order with another content")
    return order


def _place(columns: dict[str, Any], lines: Sequence[PricedLine]) -> Order:
    """Raises Problem where there is too little stock, IntegrityError where the key has placed an order."""
    with database.transaction() as session:
        order = session.scalars(PLACE, columns).one()
        connection = session.connection()
        connection.execute(
            ADD_LINES,
            [
                {
                    "order_id": order.id,
                    "position": position,
                    "product_id": line.product_id,
                    "name": line.name,
                    "quantity": line.quantity,
                    "unit_price_minor": line.unit_price_minor,
                    "currency": line.currency,
                }
                for position, line in enumerate(lines)
            ],
        )
        connection.execute(ADD_EVENT, {"order_id": order.id, "status": OrderStatus.PLACED})
        for pieces in _of_products(lines):
            if connection.scalar(TAKE, pieces) is None:
                raise Problem("out-of-stock", f"There is too little of product {pieces['of']}")
    return order


def _of_products(lines: Iterable[Line]) -> list[dict[str, int]]:
    """What TAKE and GIVE_BACK are executed with, by ascending product id."""
    return [
        {"of": line.product_id, "pieces": line.quantity} for line in sorted(lines, key=lambda line: line.product_id)
    ]
