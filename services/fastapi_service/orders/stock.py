"""Takes and gives back stock, in one statement that cannot deadlock with another of its kind."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Integer, column, select, update, values
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_service.models import Stock


async def change(session: AsyncSession, amounts: Iterable[tuple[int, int]]) -> set[int]:
    """Adds each (product id, amount) to the product's stock, and says for which ids: the others have too little.

    Rows are locked in the order of their ids before any of them changes, whoever else locks them.
    """
    change = values(column("product_id", BigInteger), column("amount", Integer), name="change").data(list(amounts))
    locked = (
        select(Stock.product_id, change.c.amount)
        .join(change, change.c.product_id == Stock.product_id)
        .order_by(Stock.product_id)
        .with_for_update(of=Stock)
        .cte("locked")
    )
    statement = (
        update(Stock)
        .where(Stock.product_id == locked.c.product_id, Stock.quantity + locked.c.amount >= 0)
        .values(quantity=Stock.quantity + locked.c.amount)
        .returning(Stock.product_id)
        .execution_options(synchronize_session=False)
    )
    return set((await session.scalars(statement)).all())
