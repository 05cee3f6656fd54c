"""What the orders role does: statements, prices, refusals. Knows nothing of HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from functools import cache, partial
from typing import Any

from shop import orders as rules
from shop.idempotency import fingerprint
from shop.orders import OrderStatus, PricedLine
from shop.problems import Problem
from shop.settings import Settings
from shop.streams import CHANNEL
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    String,
    any_,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from telemetry import libraries
from telemetry.setup import Telemetry

from fastapi_service.database import Sessions, violates
from fastapi_service.instrumentation import time_reads, trace_clients
from fastapi_service.models import ORDER_KEY, Order, OrderEvent, OrderLine, Stock
from fastapi_service.orders import stock
from fastapi_service.orders.events import Events, Listener, OrderStream
from fastapi_service.orders.prices import Prices
from fastapi_service.orders.schemas import (
    OrderInput,
    OrderOutput,
    OrderPage,
    StockOutput,
    first_result,
    order_output,
    order_page,
)

# Built once: SQLAlchemy spends more on building a statement than on running it.
_ORDER = select(Order).where(Order.id == bindparam("order_id"))
_ORDER_TO_MOVE = _ORDER.with_for_update()
_ORDER_OF_KEY = select(Order).where(Order.idempotency_key == bindparam("key"))
_LINES = (  # by hand: `selectinload` would build this statement anew for every order that is read
    select(OrderLine)
    .where(OrderLine.order_id == any_(bindparam("order_ids", type_=ARRAY(BigInteger))))
    .order_by(OrderLine.order_id, OrderLine.position)
)
_FILTERS: Mapping[str, ColumnElement[bool]] = {
    "before": Order.id < bindparam("before"),
    "status": Order.status == bindparam("status"),
}
_EVENTS = (
    select(OrderEvent.id, OrderEvent.status, OrderEvent.created_at)
    .where(OrderEvent.order_id == bindparam("order_id"))
    .order_by(OrderEvent.id)
)
_PLACE = insert(Order).returning(Order)
_ADD_LINES = insert(OrderLine).returning(OrderLine.id)  # with it they are one statement; without, one for each line
_ADD_EVENT = insert(OrderEvent)
_MOVE = (
    update(Order)
    .where(Order.id == bindparam("order_id"))
    .values(status=bindparam("to"), updated_at=func.statement_timestamp())
    .returning(Order)
    .execution_options(synchronize_session=False, populate_existing=True)
)
_NOTIFY = select(func.pg_notify(CHANNEL, bindparam("order_id", type_=String)))


@cache
def _page(*filters: str) -> Select[tuple[Order]]:
    wanted = [_FILTERS[name] for name in filters]
    return select(Order).where(*wanted).order_by(Order.id.desc()).limit(bindparam("limit", type_=Integer))


class Orders:
    def __init__(self, sessions: Sessions, prices: Prices, listener: Listener, stream_max_s: float) -> None:
        self._sessions = sessions
        self._prices = prices
        self.listener = listener
        self._stream_max_s = stream_max_s

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
        try:
            async with self._sessions.transaction.begin() as session:
                placed = await _insert(session, values, lines)
        except IntegrityError as error:
            if not violates(error, ORDER_KEY):
                raise
        else:
            return order_output(placed, lines), False
        first = await self._placed(key, content)
        assert first is not None  # orders are never removed
        return first, True

    async def _placed(self, key: str, content: str) -> OrderOutput | None:
        """The first result of `key`. Raises Problem if it was another content that it placed."""
        async with self._sessions.single() as session:
            order = await session.scalar(_ORDER_OF_KEY, {"key": key})
            if order is None:
                return None
            if order.fingerprint != content:
                raise Problem("idempotency-key-reused", "This key has placed an order with other lines")
            lines = await _lines(session, order)
        return first_result(order, lines[order.id])

    async def order(self, order_id: int) -> OrderOutput:
        async with self._sessions.single() as session:
            order = await session.scalar(_ORDER, {"order_id": order_id})
            if order is None:
                raise _no_order(order_id)
            lines = await _lines(session, order)
        return order_output(order, lines[order.id])

    async def page(self, limit: int, before: int | None, status: OrderStatus | None) -> OrderPage:
        filters = {name: value for name, value in {"before": before, "status": status}.items() if value is not None}
        async with self._sessions.single() as session:
            orders = (await session.scalars(_page(*filters), {"limit": limit + 1, **filters})).all()
            lines = await _lines(session, *orders[:limit])
        return order_page(orders, lines, limit)

    async def move(self, order_id: int, to: OrderStatus) -> OrderOutput:
        async with self._sessions.transaction.begin() as session:
            order = await session.scalar(_ORDER_TO_MOVE, {"order_id": order_id})
            if order is None:
                raise _no_order(order_id)
            if not rules.may_move(OrderStatus(order.status), to):
                raise Problem("transition-refused", f"An order that is {order.status} does not become {to}")
            lines = (await _lines(session, order))[order_id]
            moved = (await session.scalars(_MOVE, {"order_id": order_id, "to": to})).one()
            await session.execute(_ADD_EVENT, {"order_id": order_id, "status": to})
            if rules.gives_stock_back(to):
                await stock.give_back(session, [(line.product_id, line.quantity) for line in lines])
            await session.execute(_NOTIFY, {"order_id": str(order_id)})
        return order_output(moved, lines)

    @asynccontextmanager
    async def stream(self, order_id: int, seen: int, ending: asyncio.Event) -> AsyncIterator[OrderStream]:
        """Ready to be told, from the event after `seen`. Ends when `ending` is set."""
        async with self.listener.bell(order_id, ending) as bell:
            stream = OrderStream(bell, partial(self._events, order_id), seen, self._stream_max_s)
            if not await stream.look():
                raise _no_order(order_id)
            yield stream

    async def _events(self, order_id: int) -> Events:
        async with self._sessions.single() as session:
            return (await session.execute(_EVENTS, {"order_id": order_id})).all()

    async def set_stock(self, product_id: int, quantity: int) -> StockOutput:
        statement = postgresql.insert(Stock).values(product_id=product_id, quantity=quantity)
        statement = statement.on_conflict_do_update(index_elements=[Stock.product_id], set_={"quantity": quantity})
        async with self._sessions.single() as session:
            await session.execute(statement)
        return {"product_id": product_id, "quantity": quantity}


async def _lines(session: AsyncSession, *orders: Order) -> Mapping[int, Sequence[OrderLine]]:
    """Of each order, by its id."""
    lines: dict[int, list[OrderLine]] = {order.id: [] for order in orders}
    for line in await session.scalars(_LINES, {"order_ids": list(lines)}):
        lines[line.order_id].append(line)
    return lines


async def _insert(session: AsyncSession, values: Mapping[str, Any], lines: Sequence[PricedLine]) -> Order:
    """The new order. Raises IntegrityError if another one has its key, Problem where stock is short.

    The order comes first: a second one with its key waits here, and sees the stock only if the first was refused.
    """
    order = (await session.scalars(_PLACE, values)).one()
    await session.execute(
        _ADD_LINES,
        [{"order_id": order.id, "position": position, **asdict(line)} for position, line in enumerate(lines)],
    )
    await session.execute(_ADD_EVENT, {"order_id": order.id, "status": order.status})
    short = await stock.take(session, [(line.product_id, line.quantity) for line in lines])
    if short:
        named = [str(line.product_id) for line in lines if line.product_id in short]
        raise Problem("out-of-stock", f"There is too little of product {', '.join(named)}")
    return order


def _no_order(order_id: int) -> Problem:
    return Problem("not-found", f"No order has the id {order_id}")


@asynccontextmanager
async def lifespan(settings: Settings, telemetry: Telemetry) -> AsyncIterator[Orders]:
    assert settings.database is not None
    sessions = Sessions.of(settings.database, settings.database_connections)
    libraries.instrument_sqlalchemy(sessions.engine.sync_engine, telemetry)
    trace_clients(telemetry)
    prices = Prices(settings.catalog_url)
    time_reads(prices, settings.catalog_url, telemetry)
    listener = Listener(settings.database)
    try:
        yield Orders(sessions, prices, listener, settings.stream_max_s)
    finally:
        await listener.close()
        await prices.close()
        await sessions.close()
