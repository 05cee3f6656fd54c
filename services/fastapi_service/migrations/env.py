"""Runs the migrations in the database of `DATABASE_URL`: `python -m alembic upgrade head` in the variant's folder."""

from __future__ import annotations

import asyncio
import logging.config
import os

from alembic import context
from fastapi_service.database import url
from fastapi_service.models import Base
from shop.settings import Database, exit_with
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

logging.config.fileConfig(str(context.config.config_file_name), disable_existing_loggers=False)


def database() -> Database:
    try:
        return Database.from_url(os.environ.get("DATABASE_URL", ""))
    except ValueError as error:
        exit_with([f"DATABASE_URL: {error}"])


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    engine = create_async_engine(url(database()), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


asyncio.run(main())
