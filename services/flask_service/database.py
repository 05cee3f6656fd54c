"""SQLAlchemy sessions over one pool that never holds more connections than the replica may."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import cast

import psycopg
import shop.settings
from flask import Flask, current_app
from psycopg.errors import UniqueViolation
from shop.settings import DATABASE_POOL_TIMEOUT_S, DATABASE_STATEMENT_TIMEOUT_S
from shop.streams import KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVES
from sqlalchemy import URL, create_engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from telemetry import libraries
from telemetry.setup import OFF, Telemetry

CONNECT_TIMEOUT_S = int(DATABASE_POOL_TIMEOUT_S)
OPTIONS = f"-c timezone=UTC -c statement_timeout={round(DATABASE_STATEMENT_TIMEOUT_S * 1000)}"


class Base(DeclarativeBase):
    """What every model of the service derives from."""


@dataclass(frozen=True, slots=True)
class _Sessions:
    autocommit: sessionmaker[Session]
    transaction: sessionmaker[Session]


class Database:
    def init_app(self, app: Flask, where: shop.settings.Database, connections: int, telemetry: Telemetry = OFF) -> None:
        """Connects when a session first needs it."""
        engine = create_engine(
            sqlalchemy_url(where),
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            hide_parameters=True,  # no log has values
            pool_size=connections,
            max_overflow=0,
            pool_timeout=DATABASE_POOL_TIMEOUT_S,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "options": OPTIONS},
        )
        libraries.instrument_sqlalchemy(engine, telemetry)
        transactional = engine.execution_options(isolation_level="READ COMMITTED")
        app.extensions["database"] = _Sessions(
            autocommit=sessionmaker(engine, expire_on_commit=False),
            transaction=sessionmaker(transactional, expire_on_commit=False),
        )

    def autocommit(self) -> Session:
        """A session whose every statement is a transaction of its own."""
        return _sessions().autocommit()

    def transaction(self) -> AbstractContextManager[Session]:
        """A session in a transaction, committed at the end of the block unless it raises."""
        return _sessions().transaction.begin()


def sqlalchemy_url(where: shop.settings.Database) -> URL:
    return URL.create(
        "postgresql+psycopg",
        username=where.user,
        password=where.password or None,
        host=where.host,
        port=where.port,
        database=where.name,
    )


def connect(where: shop.settings.Database) -> psycopg.Connection:
    """A connection beside the pool, whose every statement is a transaction of its own. Raises psycopg.Error."""
    return psycopg.connect(
        autocommit=True,
        user=where.user,
        password=where.password or None,
        host=where.host,
        port=where.port,
        dbname=where.name,
        connect_timeout=CONNECT_TIMEOUT_S,
        options=OPTIONS,
        keepalives_idle=KEEPALIVE_IDLE_S,
        keepalives_interval=KEEPALIVE_INTERVAL_S,
        keepalives_count=KEEPALIVES,
    )


def violates(error: IntegrityError, constraint: str) -> bool:
    return isinstance(error.orig, UniqueViolation) and error.orig.diag.constraint_name == constraint


def _sessions() -> _Sessions:
    return cast(_Sessions, current_app.extensions["database"])
