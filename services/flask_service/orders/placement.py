"""Placing an order and moving it on: what must happen together, in the order that keeps it from deadlocking.

Stock rows are changed in ascending product id, after the order's own row is held.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shop import idempotency
from shop.orders import CurrenciesDiffer, OrderStatus, PricedLine, gives_stock_back, may_move, price
from shop.problems import Problem
from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session, selectinload

from flask_service.extensions import database, prices
from flask_service.orders.models import Order, OrderEvent, OrderLine, Stock

Line = PricedLine | OrderLine


def place(key: str, wanted: Sequence[tuple[int, int]]) -> tuple[Order, Sequence[Line], bool]:
    """The order that `key` placed, its lines, and whether it had done so before. `wanted` are (product id, quantity).

    Raises Problem where the order is refused or the catalog fails.
    """
    fingerprint = idempotency.fingerprint(wanted)
    with database.autocommit() as session:
        order = _placed_before(session, key, fingerprint)
    if order is not None:
        return order, order.lines, True
    offers = prices.of(product_id for product_id, _ in wanted)
    try:
        lines, total_minor, currency = price(wanted, offers)
    except CurrenciesDiffer as error:
        raise Problem("currencies-differ", f"The {error}") from None
    place_once = (
        postgresql.insert(Order)
        .values(
            idempotency_key=key,
            fingerprint=fingerprint,
            status=OrderStatus.PLACED,
            total_minor=total_minor,
            currency=currency,
        )
        .on_conflict_do_nothing(index_elements=[Order.idempotency_key])
        .returning(Order)
    )
    with database.transaction() as session:
        order = session.scalars(place_once).one_or_none()  # waits for another request that has the key
        if order is None:
            order = _placed_before(session, key, fingerprint)
            assert order is not None, "orders are never deleted"
            return order, order.lines, True
        session.execute(
            insert(OrderLine),
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
        session.execute(insert(OrderEvent).values(order_id=order.id, status=OrderStatus.PLACED))
        _take_stock(session, lines)
    return order, lines, False


def move(order_id: int, to: OrderStatus) -> Order:
    """The order as it is then. Raises Problem where there is none (404) or it may not (409)."""
    held = select(Order).where(Order.id == order_id).options(selectinload(Order.lines)).with_for_update()
    with database.transaction() as session:
        order = session.scalars(held).one_or_none()
        if order is None:
            raise not_found(order_id)
        if not may_move(order.status, to):
            raise Problem("transition-refused", f"The order is {order.status} and cannot become {to}")
        order.status = to
        order.updated_at = func.statement_timestamp()
        session.add(OrderEvent(order_id=order_id, status=to))
        session.flush()
        if gives_stock_back(to):
            _give_stock_back(session, order.lines)
    return order


def not_found(order_id: int) -> Problem:
    return Problem("not-found", f"There is no order {order_id}")


def _placed_before(session: Session, key: str, fingerprint: str) -> Order | None:
    """Raises Problem where the key placed another order than `fingerprint` means."""
    placed = select(Order).where(Order.idempotency_key == key).options(selectinload(Order.lines))
    order = session.scalars(placed).one_or_none()
    if order is not None and order.fingerprint != fingerprint:
        raise Problem("idempotency-key-reused", "The key placed an order with another content")
    return order


def _take_stock(session: Session, lines: Iterable[Line]) -> None:
    for line in _by_product(lines):
        take = (
            update(Stock)
            .where(Stock.product_id == line.product_id, Stock.quantity >= line.quantity)
            .values(quantity=Stock.quantity - line.quantity)
            .returning(Stock.product_id)
            .execution_options(synchronize_session=False)
        )
        if session.scalar(take) is None:
            raise Problem("out-of-stock", f"There is too little of product {line.product_id}")


def _give_stock_back(session: Session, lines: Iterable[Line]) -> None:
    for line in _by_product(lines):
        session.execute(
            update(Stock)
            .where(Stock.product_id == line.product_id)
            .values(quantity=Stock.quantity + line.quantity)
            .execution_options(synchronize_session=False)
        )


def _by_product(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: line.product_id)
