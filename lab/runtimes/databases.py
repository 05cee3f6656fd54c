"""Databases of a variant: its migrations and the seed once, in a template, and then as many clones as one likes.

A template lives as long as the servers do; another build of the variant has another. Each clone keeps the name of the
template that it was made from as its comment.
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
DROP = sql.SQL("DROP DATABASE IF EXISTS {name}")
DROP_USED = sql.SQL("DROP DATABASE IF EXISTS {name} WITH (FORCE)")
MADE_FROM = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"


class Databases:
    """`url_of` gives the URL by which we reach a database of that name; `migrate` runs a variant's migrations in one.

    `build_of` tells builds of a variant apart; empty where there is only one.
    """

    def __init__(
        self,
        url_of: Callable[[str], str],
        migrate: Callable[[Manifest, str], None],
        build_of: Callable[[Manifest], str] = lambda variant: "",
    ) -> None:
        self._url_of = url_of
        self._migrate = migrate
        self._build_of = build_of

    def make(self, variant: Manifest, name: str) -> None:
        """A new database `name`, which replaces one of that name that nobody uses."""
        with self._administration(f"make the database {name}") as connection:
            self._clone(connection, variant, name, DROP)

    def keep(self, variant: Manifest, name: str, on_step: Callable[[str], None]) -> None:
        """The database `name` as it is, where it was made for this build of the variant; else a new one.

        One that was made for another build is replaced, whoever uses it: its tables may be others than this one needs.
        """
        with self._administration(f"make the database {name}") as connection:
            found = connection.execute(MADE_FROM, [name]).fetchone()
            if found == (self._template(variant),):
                return
            if found:
                on_step(f"database {name}: was made for another build of {variant.name}; a new one replaces it")
            self._clone(connection, variant, name, DROP_USED)

    def drop(self, name: str) -> None:
        """Ends the connections that it still has."""
        with self._administration(f"drop the database {name}") as connection:
            connection.execute(DROP_USED.format(name=sql.Identifier(name)))

    def _template(self, variant: Manifest) -> str:
        return f"template_{variant.name}{self._build_of(variant)}"

    def _clone(self, connection: psycopg.Connection[Any], variant: Manifest, name: str, drop: sql.SQL) -> None:
        """Only one that is whole has the comment."""
        template, identifier = self._template(variant), sql.Identifier(name)
        self._require_template(connection, variant, template)
        connection.execute(drop.format(name=identifier))
        connection.execute(CREATE.format(name=identifier, template=sql.Identifier(template)))
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(identifier, sql.Literal(template)))

    def _require_template(self, connection: psycopg.Connection[Any], variant: Manifest, template: str) -> None:
        """Only whoever holds the lock makes it; it counts as a template from the moment that it is complete."""
        lock = "hashtext(%s)::bigint"
        connection.execute(f"SELECT pg_advisory_lock({lock})", [template])
        try:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s AND datistemplate", [template])
            if found.fetchone() is None:
                identifier = sql.Identifier(template)
                connection.execute(DROP_USED.format(name=identifier))
                connection.execute(CREATE.format(name=identifier, template=sql.Identifier("template0")))
                self._migrate(variant, template)
                seeding.seed(self._url_of(template))
                connection.execute(
                    sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(identifier)
                )
        finally:
            connection.execute(f"SELECT pg_advisory_unlock({lock})", [template])

    @contextmanager
    def _administration(self, doing: str) -> Iterator[psycopg.Connection[Any]]:
        try:
            with psycopg.connect(self._url_of("postgres"), autocommit=True) as connection:
                yield connection
        except psycopg.Error as error:
            raise RuntimeFailure(f"cannot {doing}: {error}") from error
