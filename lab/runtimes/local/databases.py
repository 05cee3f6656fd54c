"""Databases of a variant: its migrations and the seed once, in a template, and then as many clones as one likes.

A template lives as long as the lab; migrations that changed since show in the next lab.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from lab import seeding
from lab.core.manifest import Manifest
from lab.errors import RuntimeFailure

# WAL_LOG: 30 to 50 ms for the seeded shop, where FILE_COPY took 60 to 130 ms, and pages are warm afterwards.
CREATE = sql.SQL("CREATE DATABASE {name} TEMPLATE {template} STRATEGY WAL_LOG")


class Databases:
    """`url_of` gives a database's URL by its name; `migrate` runs a variant's migrations on a URL."""

    def __init__(self, url_of: Callable[[str], str], migrate: Callable[[Manifest, str], None]) -> None:
        self._url_of = url_of
        self._migrate = migrate

    def make(self, variant: Manifest, name: str) -> str:
        """The URL of a new database `name`, which replaces one of that name that nobody uses."""
        template = f"template_{variant.name}"
        try:
            with self._administration() as connection:
                self._require_template(connection, variant, template)
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
                connection.execute(CREATE.format(name=sql.Identifier(name), template=sql.Identifier(template)))
        except psycopg.Error as error:
            raise RuntimeFailure(f"cannot make the database {name}: {error}") from error
        return self._url_of(name)

    def drop(self, name: str) -> None:
        """Ends the connections that it still has."""
        try:
            with self._administration() as connection:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise RuntimeFailure(f"cannot drop the database {name}: {error}") from error

    def _require_template(self, connection: psycopg.Connection[Any], variant: Manifest, template: str) -> None:
        """Only whoever holds the lock makes it; it counts as a template from the moment that it is complete."""
        lock = "hashtext(%s)::bigint"
        connection.execute(f"SELECT pg_advisory_lock({lock})", [template])
        try:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s AND datistemplate", [template])
            if found.fetchone() is None:
                identifier = sql.Identifier(template)
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))
                connection.execute(CREATE.format(name=identifier, template=sql.Identifier("template0")))
                self._migrate(variant, self._url_of(template))
                seeding.seed(self._url_of(template))
                connection.execute(
                    sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(identifier)
                )
        finally:
            connection.execute(f"SELECT pg_advisory_unlock({lock})", [template])

    @contextmanager
    def _administration(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self._url_of("postgres"), autocommit=True) as connection:
            yield connection
