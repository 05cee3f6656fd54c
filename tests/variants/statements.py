"""Which SQL statements a database is sent, as PostgreSQL itself writes them to its log, whoever sends them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from tests import polling

SETTINGS = {"log_statement": "all", "log_line_prefix": "%d "}  # for every session, those that are open included
SEEN_WITHIN_S = 5.0
DATA = re.compile(r"[\s(]*(select|insert|update|delete|with|merge)\b", re.IGNORECASE)


class StatementLog:
    """`path` is where PostgreSQL writes."""

    def __init__(self, path: Path, database: str) -> None:
        self._path = path
        self._said = re.compile(
            rf"^{re.escape(database)} LOG:  (?:statement|execute [^:]*): (.*(?:\n\t.*)*)", re.MULTILINE
        )
        self._start = 0

    def begin(self) -> None:
        self._start = self._path.stat().st_size

    def data_statements(self) -> list[str]:
        """Those that read or write rows, since `begin`; transactions and settings are none."""
        with self._path.open("rb") as file:
            file.seek(self._start)
            text = file.read().decode()
        sent = (statement for said in self._said.findall(text) for statement in said.split(";"))
        return [" ".join(statement.split()) for statement in sent if DATA.match(statement)]


@contextmanager
def logged(path: Path, database_url: str) -> Iterator[StatementLog]:
    """A log of the statements that the database of this URL is sent while the block is executed."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        log = StatementLog(path, connection.info.dbname)

        def is_logged() -> bool:
            connection.execute("SELECT 1")
            return bool(log.data_statements())

        try:
            for name, value in SETTINGS.items():
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
            log.begin()
            connection.execute("SELECT pg_reload_conf()")
            polling.until(is_logged, SEEN_WITHIN_S, "statements in the log")
            yield log
        finally:
            for name in SETTINGS:
                connection.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
            connection.execute("SELECT pg_reload_conf()")
