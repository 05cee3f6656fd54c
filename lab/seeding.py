"""Fills a migrated database with the shop's first rows, by COPY: the same for every variant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql
from shop.seed import PRODUCTS, products, stock

from lab.errors import InputError, RuntimeFailure

PRODUCT_COLUMNS = ("id", "sku", "name", "description", "category", "price_minor", "currency")
STOCK_COLUMNS = ("product_id", "quantity")


def seed(url: str) -> None:
    """Raises InputError when a table is missing or has rows, RuntimeFailure when the database does not take it."""
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            if problems := [problem for table in ("product", "stock") if (problem := _problem(connection, table))]:
                raise InputError(f"the database {connection.info.dbname}", problems)
            with connection.transaction():
                _copy(connection, "product", PRODUCT_COLUMNS, products())
                _copy(connection, "stock", STOCK_COLUMNS, stock())
                next_id = "SELECT setval(pg_get_serial_sequence('product', 'id'), %s, false)"
                connection.execute(next_id, [PRODUCTS + 1])
            connection.execute("VACUUM (FREEZE, ANALYZE) product, stock")
    except psycopg.Error as error:
        raise RuntimeFailure(f"cannot seed the database: {error}") from error


def _problem(connection: psycopg.Connection[Any], table: str) -> str | None:
    if connection.execute("SELECT to_regclass(%s)", [table]).fetchone() == (None,):
        return f"{table}: no such table; run the service's migrations first"
    if connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table))).fetchone():
        return f"{table}: has rows already; the seed is for empty tables"
    return None


def _copy(
    connection: psycopg.Connection[Any], table: str, columns: Iterable[str], rows: Iterable[tuple[int | str, ...]]
) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
