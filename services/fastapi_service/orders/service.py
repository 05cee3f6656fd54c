"""What the orders role does: statements, prices, refusals. Knows nothing of HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from shop import orders as rules
from shop.idempotency import fingerprint
from shop.orders import OrderStatus, PricedLine
from shop.problems import Problem
from shop.settings import Settings
from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from fastapi_service.database import Sessions
from fastapi_service.models import Order, OrderEvent, OrderLine, Stock
from fastapi_service.orders import stock
from fastapi_service.orders.prices import Prices
from fastapi_service.orders.schemas import OrderInput, OrderOutput, OrderPage, StockOutput


def _orders() -> Select[tuple[Order]]:
    return select(Order).options(selectinload(Order.lines))


class Orders:
    def __init__(self, sessions: Sessions, prices: Prices) -> None:
        self._sessions = sessions
        self._prices = prices

    async def place(self, key: str, order: OrderInput) -> tuple[OrderOutput, bool]:
        """The order that `key` placed, and whether it did so before."""
        pairs = order.pairs()
        content = fingerprint(pairs)
        first = await self._placed(key, content)
        if first is not None:
            return first, True
        offers = await self._prices.of(product_id for product_id, _ in pairs)
        try:
            lines, total_minor, currency = rules.price(pairs, offers)
        except rules.CurrenciesDiffer as error:
            raise Problem("currencies-differ", f"The {error}") from None
        values = {
            "idempotency_key": key,
            "fingerprint": content,
            "status": OrderStatus.PLACED,
            "total_minor": total_minor,
            "currency": currency,
        }
        async with self._sessions.transaction.begin() as session:
            placed = await _insert(session, values, lines)
        if placed is not None:
            return OrderOutput.of(placed, lines), False
        first = await self._placed(key, content)
        assert first is not None  # orders are never removed
        return first, True

    async def _placed(self, key: str, content: str) -> OrderOutput | None:
        """The first result of `key`. Raises Problem if it was another content that it placed."""
        async with self._sessions.single() as session:
            order = await session.scalar(_orders().where(Order.idempotency_key == key))
        if order is None:
            return None
        if order.fingerprint != content:
            raise Problem("idempotency-key-reused", "This key has placed an order with other lines")
        return OrderOutput.first_result_of(order)

    async def order(self, order_id: int) -> OrderOutput:
        async with self._sessions.single() as session:
            order = await session.scalar(_orders().where(Order.id == order_id))
        if order is None:
            raise _no_order(order_id)
        return OrderOutput.of(order, order.lines)

    async def page(self, limit: int, before: int | None, status: OrderStatus | None) -> OrderPage:
        statement = _orders().order_by(Order.id.desc()).limit(limit + 1)
        if before is not None:
            statement = statement.where(Order.id < before)
        if status is not None:
            statement = statement.where(Order.status == status)
        async with self._sessions.single() as session:
            orders = (await session.scalars(statement)).all()
        return OrderPage.of(orders, limit)

    async def move(self, order_id: int, to: OrderStatus) -> OrderOutput:
        async with self._sessions.transaction.begin() as session:
            order = await session.scalar(_orders().where(Order.id == order_id).with_for_update())
            if order is None:
                raise _no_order(order_id)
            if not rules.may_move(OrderStatus(order.status), to):
                raise Problem("transition-refused", f"An order that is {order.status} does not become {to}")
            order.status = to
            order.updated_at = func.statement_timestamp()
            session.add(OrderEvent(order_id=order_id, status=to))
            if rules.gives_stock_back(to):
                await stock.give_back(session, [(line.product_id, line.quantity) for line in order.lines])
            await session.flush()
        return OrderOutput.of(order, order.lines)

    async def set_stock(self, product_id: int, quantity: int) -> StockOutput:
        statement = insert(Stock).values(product_id=product_id, quantity=quantity)
        statement = statement.on_conflict_do_update(index_elements=[Stock.product_id], set_={"quantity": quantity})
        async with self._sessions.single() as session:
            await session.execute(statement)
        return StockOutput(product_id=product_id, quantity=quantity)


async def _insert(session: AsyncSession, values: Mapping[str, Any], lines: Sequence[PricedLine]) -> Order | None:
    """The new order, or None if another one has its key. Raises Problem where stock is short.

    The order comes first: a second one with its key waits here, and sees the stock only if the first was refused.
    """
    statement = insert(Order).values(values).on_conflict_do_nothing(index_elements=[Order.idempotency_key])
    order = await session.scalar(statement.returning(Order))
    if order is None:
        return None
    await session.execute(
        insert(OrderLine),
        [{"order_id": order.id, "position": position, **asdict(line)} for position, line in enumerate(lines)],
    )
    await session.execute(insert(OrderEvent), {"order_id": order.id, "status": order.status})
    short = await stock.take(session, [(line.product_id, line.quantity) for line in lines])
    if short:
        named = [str(line.product_id) for line in lines if line.product_id in short]
        raise Problem("out-of-stock", f"There is too little of product {', '.join(named)}")
    return order


def _no_order(order_id: int) -> Problem:
    return Problem("not-found", f"No order has the id {order_id}")


@asynccontextmanager
async def lifespan(settings: Settings) -> AsyncIterator[Orders]:
    assert settings.database is not None
    sessions = Sessions.of(settings.database, settings.database_connections)
    prices = Prices(settings.catalog_url)
    try:
        yield Orders(sessions, prices)
    finally:
        await prices.close()
        await sessions.close()
