"""The replica's connections to PostgreSQL: one pool, two ways to use it, and one to listen."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from shop.settings import DATABASE_POOL_TIMEOUT_S, DATABASE_STATEMENT_TIMEOUT_S, Database
from shop.streams import KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVES
from sqlalchemy import URL, Dialect, event, exc
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

# For a server that does not even end its statements in time.
COMMAND_TIMEOUT_S = DATABASE_STATEMENT_TIMEOUT_S + 1.0


class NoConnectionError(Exception):
    """PostgreSQL cannot be reached: an OSError, but one that only the database can have caused."""


# Raised while connecting or waiting for a connection, when SQLAlchemy has none yet to blame; TimeoutError also by a
# statement that the server did not end in time.
NO_CONNECTION = (NoConnectionError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, exc.TimeoutError)


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
            skip_autocommit_rollback=True,
            hide_parameters=True,  # no log has values
            connect_args={
                "timeout": DATABASE_POOL_TIMEOUT_S,
                "command_timeout": COMMAND_TIMEOUT_S,
                "server_settings": {"statement_timeout": str(round(DATABASE_STATEMENT_TIMEOUT_S * 1000))},
            },
        )
        event.listen(engine.sync_engine, "do_connect", _connect)
        autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
        return cls(
            engine,
            single=async_sessionmaker(autocommit, expire_on_commit=False, autoflush=False),
            transaction=async_sessionmaker(engine, expire_on_commit=False, autoflush=False),
        )

    async def close(self) -> None:
        await self.engine.dispose()


def _connect(dialect: Dialect, _: object, args: tuple[Any, ...], options: dict[str, Any]) -> DBAPIConnection:
    try:
        return dialect.connect(*args, **options)
    except OSError as error:
        raise NoConnectionError(str(error) or type(error).__name__) from error


async def connect(database: Database) -> asyncpg.Connection:
    """A connection of its own, outside the pool. Raises NO_CONNECTION."""
    try:
        connection = await asyncpg.connect(
            user=database.user,
            password=database.password or None,
            host=database.host,
            port=database.port,
            database=database.name,
            timeout=DATABASE_POOL_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
        )
        _keep_alive(connection._transport.get_extra_info("socket"))  # asyncpg has no option for it
    except OSError as error:
        raise NoConnectionError(str(error) or type(error).__name__) from error
    return connection


def _keep_alive(connected: socket.socket) -> None:
    if connected.family == socket.AF_UNIX:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVES)


def violates(error: IntegrityError, constraint: str) -> bool:
    """Whether it is this constraint that the statement would have broken."""
    assert error.orig is not None
    return getattr(error.orig.__cause__, "constraint_name", None) == constraint


def url(database: Database) -> URL:
    return URL.create(
        "postgresql+asyncpg",
        username=database.user,
        password=database.password or None,
        host=database.host,
        port=database.port,
        database=database.name,
    )
