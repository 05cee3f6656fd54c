"""Runs the migrations in the database of DATABASE_URL."""

from __future__ import annotations

import os

import flask_service.catalog.models
import flask_service.orders.models  # noqa: F401 declares its tables
from alembic import context
from flask_service.database import Base, sqlalchemy_url
from shop.settings import Database, exit_with
from sqlalchemy import NullPool, create_engine

try:
    where = Database.from_url(os.environ.get("DATABASE_URL", ""))
except ValueError as error:
    exit_with([f"DATABASE_URL: {error}"])

with create_engine(sqlalchemy_url(where), poolclass=NullPool).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
