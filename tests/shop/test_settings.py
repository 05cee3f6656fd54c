"""How a replica reads its environment, and what it says of a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest
from shop.settings import Database, Role, Settings, SettingsError

URLS = [
    # url, user, password, host, port, name
    ("postgresql://lab@/shop?host=/run/pg", "lab", "", "/run/pg", 5432, "shop"),
    ("postgresql://u:p%40ss@db.internal:6432/shop", "u", "p@ss", "db.internal", 6432, "shop"),
    ("postgres://db/shop", "postgres", "", "db", 5432, "shop"),
]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    return {
        "LAB_ROLE": "orders",
        "LAB_PORT": "8000",
        "LAB_METRICS_PORT": "9464",
        "DATABASE_URL": "postgresql://lab@/shop?host=/run/pg",
        "CATALOG_URL": "http://127.0.0.1:8001/",
        "LAB_TOKEN_KEY_FILE": str(key),
    }


@pytest.mark.parametrize(("url", "user", "password", "host", "port", "name"), URLS)
def test_a_database_url_is_read(url: str, user: str, password: str, host: str, port: int, name: str) -> None:
    assert Database.from_url(url) == Database(user, password, host, port, name)


def test_defaults_fill_what_is_not_said(environ: dict[str, str]) -> None:
    settings = Settings.from_environ(environ)
    assert (settings.role, settings.host, settings.database_connections) == (Role.ORDERS, "127.0.0.1", 4)
    assert (settings.cache_url, settings.catalog_url) == ("", "http://127.0.0.1:8001")


def test_a_ping_replica_needs_ports_only() -> None:
    settings = Settings.from_environ({"LAB_ROLE": "ping", "LAB_PORT": "8000", "LAB_METRICS_PORT": "9464"})
    assert settings.database is None


WRONG = [
    ("LAB_ROLE", "cashier", "LAB_ROLE: 'cashier' is none of catalog, orders, recommend, ping"),
    ("LAB_PORT", "", "LAB_PORT: missing; for example LAB_PORT=1"),
    ("LAB_PORT", "70000", "LAB_PORT: '70000' is not an integer from 1 to 65535"),
    ("LAB_DB_CONNECTIONS", "two", "LAB_DB_CONNECTIONS: 'two' is not an integer from 1 to 1000"),
    ("DATABASE_URL", "mysql://h/d", "DATABASE_URL: mysql scheme; expected postgresql://user@host/name"),
    ("DATABASE_URL", "postgresql://h", "DATABASE_URL: no database name; expected postgresql://user@host/name"),
    ("CACHE_URL", "memcached://h", "CACHE_URL: 'memcached://h' starts with neither redis:// nor unix://"),
    ("CATALOG_URL", "catalog:80", "CATALOG_URL: 'catalog:80' is not an http:// or https:// address"),
    ("LAB_TOKEN_KEY_FILE", "/nonexistent", "LAB_TOKEN_KEY_FILE: cannot read /nonexistent: No such file or directory"),
    ("LAB_STREAM_MAX_S", "0", "LAB_STREAM_MAX_S: '0' is not an integer from 1 to 86400"),
    ("LAB_ROLE", "admin", "LAB_ROLE: 'admin' is none of catalog, orders, recommend, ping"),
    ("LAB_TELEMETRY", "on", "LAB_TELEMETRY: 'on' is none of off, metrics, official"),
    ("LAB_DRAIN_S", "-1", "LAB_DRAIN_S: '-1' is not a number of seconds from 0 to 8"),
]


@pytest.mark.parametrize(("name", "value", "problem"), WRONG)
def test_a_wrong_value_is_named(environ: dict[str, str], name: str, value: str, problem: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environ({**environ, name: value})
    assert refused.value.problems == [problem]


def test_a_variant_may_play_more_roles(environ: dict[str, str]) -> None:
    assert Settings.from_environ({**environ, "LAB_ROLE": "admin"}, tuple(Role)).role is Role.ADMIN


def test_recommend_needs_a_model(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environ({**environ, "LAB_ROLE": "recommend", "LAB_MODEL_FILE": "/nonexistent"})
    assert refused.value.problems == ["LAB_MODEL_FILE: cannot read /nonexistent: No such file or directory"]


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environ({"LAB_ROLE": "orders"})
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        "LAB_PORT",
        "LAB_METRICS_PORT",
        "DATABASE_URL",
        "CATALOG_URL",
        "LAB_TOKEN_KEY_FILE",
    ]
