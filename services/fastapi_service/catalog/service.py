"""What the catalog does: statements, cache, refusals. Knows nothing of HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache

from shop.problems import Problem
from shop.settings import Settings
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate
from telemetry import libraries
from telemetry.setup import Telemetry

from fastapi_service.catalog.cache import ProductCache
from fastapi_service.catalog.schemas import (
    ProductInput,
    ProductOutput,
    ProductPage,
    product_json,
    product_output,
    product_page,
)
from fastapi_service.database import Sessions, violates
from fastapi_service.models import SEARCH_CONFIGURATION, SEARCH_DOCUMENT, SKU_KEY, Product

# Built once: SQLAlchemy spends more on building a statement than on running it.
_ONE = select(Product).where(Product.id == bindparam("product_id"))
_FILTERS: Mapping[str, ColumnElement[bool]] = {
    "after": Product.id > bindparam("after"),
    "category": Product.category == bindparam("category"),
    "words": SEARCH_DOCUMENT.bool_op("@@")(func.plainto_tsquery(SEARCH_CONFIGURATION, bindparam("words", type_=Text))),
}


@cache
def _page(*filters: str) -> Select[tuple[Product]]:
    wanted = [_FILTERS[name] for name in filters]
    return select(Product).where(*wanted).order_by(Product.id).limit(bindparam("limit", type_=Integer))


class Catalog:
    def __init__(self, sessions: Sessions, cache: ProductCache | None) -> None:
        self._sessions = sessions
        self._cache = cache

    async def product(self, product_id: int) -> bytes:
        """The product's JSON."""
        cached = await self._cache.get(product_id) if self._cache else b""
        if cached:
            return cached
        async with self._sessions.single() as session:
            product = await session.scalar(_ONE, {"product_id": product_id})
        if product is None:
            raise _no_product(product_id)
        json = product_json(product_output(product))
        if self._cache and cached is None:
            await self._cache.fill(product_id, json)
        return json

    async def page(self, limit: int, after: int | None, category: str | None, words: str | None) -> ProductPage:
        given = {"after": after, "category": category, "words": words}
        filters = {name: value for name, value in given.items() if value is not None}
        async with self._sessions.single() as session:
            products = (await session.scalars(_page(*filters), {"limit": limit + 1, **filters})).all()
        return product_page(products, limit)

    async def create(self, product: ProductInput) -> ProductOutput:
        created = await self._write(insert(Product).values(product.columns()).returning(Product), product.sku)
        assert created is not None
        return product_output(created)

    async def replace(self, product_id: int, product: ProductInput) -> ProductOutput:
        statement = (
            update(Product)
            .where(Product.id == product_id)
            .values(**product.columns(), updated_at=func.statement_timestamp())
            .returning(Product)
        )
        replaced = await self._write(statement, product.sku)
        if replaced is None:
            raise _no_product(product_id)
        await self._changed(product_id)
        return product_output(replaced)

    async def remove(self, product_id: int) -> None:
        async with self._sessions.single() as session:
            removed = await session.scalar(delete(Product).where(Product.id == product_id).returning(Product.id))
        if removed is None:
            raise _no_product(product_id)
        await self._changed(product_id)

    async def _write(
        self, statement: ReturningInsert[tuple[Product]] | ReturningUpdate[tuple[Product]], sku: str
    ) -> Product | None:
        try:
            async with self._sessions.single() as session:
                written: Product | None = await session.scalar(statement)
                return written
        except IntegrityError as error:
            if not violates(error, SKU_KEY):
                raise
            raise Problem("sku-taken", f"Another product has the SKU {sku}") from None

    async def _changed(self, product_id: int) -> None:
        if self._cache:
            await self._cache.block(product_id)


def _no_product(product_id: int) -> Problem:
    return Problem("not-found", f"No product has the id {product_id}")


@asynccontextmanager
async def lifespan(settings: Settings, telemetry: Telemetry) -> AsyncIterator[Catalog]:
    assert settings.database is not None
    sessions = Sessions.of(settings.database, settings.database_connections)
    libraries.instrument_sqlalchemy(sessions.engine.sync_engine, telemetry)
    libraries.instrument_redis(telemetry)
    cache = ProductCache(settings.cache_url, settings.database.name) if settings.cache_url else None
    try:
        yield Catalog(sessions, cache)
    finally:
        if cache:
            await cache.close()
        await sessions.close()
