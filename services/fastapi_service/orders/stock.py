"""Takes and gives back stock, product by product in the order of their ids: so no two orders deadlock over it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from sqlalchemy import CursorResult, bindparam, update
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_service.models import Stock

# Built once, as their cache keys are. A parameter named as a column would be set.
_TAKE = (
    update(Stock)
    .where(Stock.product_id == bindparam("id"), Stock.quantity >= bindparam("amount"))
    .values(quantity=Stock.quantity - bindparam("amount"))
    .execution_options(synchronize_session=False)
)
_GIVE_BACK = (
    update(Stock)
    .where(Stock.product_id == bindparam("id"))
    .values(quantity=Stock.quantity + bindparam("amount"))
    .execution_options(synchronize_session=False)
)


async def take(session: AsyncSession, amounts: Iterable[tuple[int, int]]) -> set[int]:
    """Takes each (product id, amount) of which there is enough, and says for which ids there is too little."""
    short = set()
    for product_id, amount in sorted(amounts):
        taken = cast(CursorResult[Any], await session.execute(_TAKE, {"id": product_id, "amount": amount}))
        if taken.rowcount == 0:
            short.add(product_id)
    return short


async def give_back(session: AsyncSession, amounts: Iterable[tuple[int, int]]) -> None:
    """Of each (product id, amount)."""
    for product_id, amount in sorted(amounts):
        await session.execute(_GIVE_BACK, {"id": product_id, "amount": amount})
