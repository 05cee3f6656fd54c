"""Do a database's tables equal the contract's, in what matters to speed and truth?

The normal form is what PostgreSQL itself says of columns, constraints and indexes. Names count, except those of
foreign keys; order of columns and tables that the contract does not know don't.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

Schema = Mapping[str, Mapping[str, Any]]

_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
       coalesce(pg_get_expr(d.adbin, d.adrelid), ''), coalesce(c.collname, '')
FROM pg_attribute a
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation c ON c.oid = a.attcollation AND c.collname <> 'default'
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""
_CONSTRAINTS = """
SELECT conname, contype, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = %s::regclass AND contype IN ('p', 'u', 'c', 'f')
"""
_INDEXES = """
SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = %s::regclass
"""
_IDENTITY = {"": None, "d": "by default", "a": "always"}


def read(connection: psycopg.Connection[Any], tables: Iterable[str]) -> Schema:
    """The normal form of those of `tables` (in schema `public`) that exist."""
    present = {row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    return {table: _read_table(connection, table) for table in tables if table in present}


def _read_table(connection: psycopg.Connection[Any], table: str) -> dict[str, Any]:
    columns = {
        name: {
            "type": type_,
            "null": not not_null,
            "identity": _IDENTITY[identity],
            "default": default,
            "collation": collation,
        }
        for name, type_, not_null, identity, default, collation in connection.execute(_COLUMNS, [table])
    }
    constraints = {}
    foreign_keys = []
    for name, kind, definition in connection.execute(_CONSTRAINTS, [table]):
        if kind == "f":
            foreign_keys.append(definition)
        else:
            constraints[name] = definition
    indexes = dict(connection.execute(_INDEXES, [table]).fetchall())
    return {
        "columns": {
            name: {key: value for key, value in sorted(column.items()) if value not in (None, "", False)}
            for name, column in sorted(columns.items())
        },
        "constraints": dict(sorted(constraints.items())),
        "foreign_keys": sorted(foreign_keys),
        "indexes": dict(sorted(indexes.items())),
    }


def differences(expected: Schema, found: Schema) -> list[str]:
    """One line for each place where `found` is not as `expected`, in a path a person can follow."""
    return _compare("", expected, found)


def _compare(path: str, expected: Any, found: Any) -> list[str]:
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        lines = []
        for key in sorted({*expected, *found}):
            place = f"{path}.{key}" if path else str(key)
            if key not in found:
                lines.append(f"{place}: missing")
            elif key not in expected:
                lines.append(f"{place}: unexpected: {found[key]}")
            else:
                lines += _compare(place, expected[key], found[key])
        return lines
    return [] if expected == found else [f"{path}: {found!r} is not {expected!r}"]
