"""The replica's connections to PostgreSQL: one pool, two ways to use it."""

from __future__ import annotations

from dataclasses import dataclass

from shop.settings import DATABASE_POOL_TIMEOUT_S, Database
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

# How long one statement may take before the database counts as one that does not answer.
STATEMENT_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Sessions:
    """`single()` is a session in which each statement commits itself, `transaction.begin()` commits at its end.

    Both hold a connection from the first statement to the end of their `async with`, not longer.
    """

    engine: AsyncEngine
    single: async_sessionmaker[AsyncSession]
    transaction: async_sessionmaker[AsyncSession]

    @classmethod
    def of(cls, database: Database, connections: int) -> Sessions:
        """Connects when first used."""
        engine = create_async_engine(
            url(database),
            pool_size=connections,
            max_overflow=0,
            pool_timeout=DATABASE_POOL_TIMEOUT_S,
            connect_args={"timeout": DATABASE_POOL_TIMEOUT_S, "command_timeout": STATEMENT_TIMEOUT_S},
        )
        autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
        return cls(
            engine,
            single=async_sessionmaker(autocommit, expire_on_commit=False, autoflush=False),
            transaction=async_sessionmaker(engine, expire_on_commit=False, autoflush=False),
        )

    async def close(self) -> None:
        await self.engine.dispose()


def url(database: Database) -> URL:
    return URL.create(
        "postgresql+asyncpg",
        username=database.user,
        password=database.password or None,
        host=database.host,
        port=database.port,
        database=database.name,
    )
