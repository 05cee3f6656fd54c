"""What the catalog does: statements, cache, refusals. Knows nothing of HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shop.problems import Problem
from shop.settings import Settings
from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from fastapi_service.catalog.cache import ProductCache
from fastapi_service.catalog.schemas import ProductInput, ProductOutput, ProductPage
from fastapi_service.database import Sessions, violates
from fastapi_service.models import SEARCH_CONFIGURATION, SEARCH_DOCUMENT, SKU_KEY, Product

# Built once: SQLAlchemy spends more on building a statement than on running it.
_ONE = select(Product).where(Product.id == bindparam("product_id"))


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
        json = ProductOutput.of(product).json_bytes()
        if self._cache and cached is None:
            await self._cache.fill(product_id, json)
        return json

    async def page(self, limit: int, after: int | None, category: str | None, words: str | None) -> ProductPage:
        statement = select(Product).order_by(Product.id).limit(limit + 1)
        if after is not None:
            statement = statement.where(Product.id > after)
        if category is not None:
            statement = statement.where(Product.category == category)
        if words is not None:
            query = func.plainto_tsquery(SEARCH_CONFIGURATION, words)
            statement = statement.where(SEARCH_DOCUMENT.bool_op("@@")(query))
        async with self._sessions.single() as session:
            products = (await session.scalars(statement)).all()
        return ProductPage.of(products, limit)

    async def create(self, product: ProductInput) -> ProductOutput:
        created = await self._write(insert(Product).values(product.columns()).returning(Product), product.sku)
        assert created is not None
        return ProductOutput.of(created)

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
        return ProductOutput.of(replaced)

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
async def lifespan(settings: Settings) -> AsyncIterator[Catalog]:
    assert settings.database is not None
    sessions = Sessions.of(settings.database, settings.database_connections)
    cache = ProductCache(settings.cache_url, settings.database.name) if settings.cache_url else None
    try:
        yield Catalog(sessions, cache)
    finally:
        if cache:
            await cache.close()
        await sessions.close()
