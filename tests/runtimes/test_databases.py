"""Databases of a variant: migrated and seeded once, then cloned; never shared with another variant."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from lab import seeding
from lab.core.manifest import Manifest
from lab.errors import CommandFailed, InputError, RuntimeFailure
from lab.runtimes.databases import Databases
from lab.runtimes.local import LocalRuntime
from tests.runtimes.fake_migrations import TABLES
from tests.runtimes.made import variant

pytestmark = pytest.mark.slow

NEW_PRODUCT = "INSERT INTO product (sku) VALUES ('new') RETURNING id"


def ask(url: str, query: str) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        assert row
        return row[0]


def test_a_database_has_the_variants_tables_and_the_seed(runtime: LocalRuntime) -> None:
    url = runtime.database(variant(), "seeded")

    assert ask(url, "SELECT count(*) FROM product") == 10_000
    assert ask(url, "SELECT sum(quantity) FROM stock") == 10_000 * 1_000_000
    assert ask(url, NEW_PRODUCT) == 10_001


def test_what_one_does_to_its_database_no_other_sees(runtime: LocalRuntime) -> None:
    first = runtime.database(variant(), "first")
    ask(first, NEW_PRODUCT)

    second = runtime.database(variant(), "second")

    assert ask(second, "SELECT count(*) FROM product") == 10_000


def test_a_database_of_that_name_is_replaced(runtime: LocalRuntime) -> None:
    ask(runtime.database(variant(), "again"), NEW_PRODUCT)

    assert ask(runtime.database(variant(), "again"), "SELECT count(*) FROM product") == 10_000


@pytest.fixture
def builds(runtime: LocalRuntime) -> Callable[[str], Databases]:
    """Databases of a build of the variant."""

    def migrate(_: Manifest, database: str) -> None:
        with psycopg.connect(runtime.database_url(database)) as connection:
            connection.execute(TABLES)

    return lambda build: Databases(runtime.database_url, migrate, lambda _: f"_{build}")


def test_a_database_that_stays_keeps_its_rows_and_its_connections(
    runtime: LocalRuntime, builds: Callable[[str], Databases]
) -> None:
    steps: list[str] = []
    builds("stays").keep(variant(), "stays", steps.append)
    with psycopg.connect(runtime.database_url("stays"), autocommit=True) as used:
        used.execute(NEW_PRODUCT)

        builds("stays").keep(variant(), "stays", steps.append)

        assert used.execute("SELECT count(*) FROM product").fetchone() == (10_001,)
    assert steps == []


def test_of_another_build_it_is_replaced_whoever_uses_it(
    runtime: LocalRuntime, builds: Callable[[str], Databases]
) -> None:
    steps: list[str] = []
    builds("older").keep(variant(), "moves", steps.append)
    with psycopg.connect(runtime.database_url("moves"), autocommit=True) as used:
        used.execute(NEW_PRODUCT)

        builds("newer").keep(variant(), "moves", steps.append)

    assert ask(runtime.database_url("moves"), "SELECT count(*) FROM product") == 10_000
    assert steps == ["database moves: was made for another build of fake; a new one replaces it"]


def test_a_runtime_is_asked_to_keep_one(runtime: LocalRuntime) -> None:
    ask(runtime.database(variant(), "kept", keep=True), NEW_PRODUCT)

    assert ask(runtime.database(variant(), "kept", keep=True), "SELECT count(*) FROM product") == 10_001
    assert ask(runtime.database(variant(), "kept"), "SELECT count(*) FROM product") == 10_000


def test_many_at_once_make_one_template_of_each_variant(runtime: LocalRuntime) -> None:
    def make(number: int) -> str:
        return runtime.database(variant(f"many-{number % 2}"), f"many_{number}")

    with ThreadPoolExecutor(6) as pool:
        urls = list(pool.map(make, range(6)))

    assert [ask(url, "SELECT count(*) FROM stock") for url in urls] == [10_000] * 6
    templates = "SELECT count(*) FROM pg_database WHERE datistemplate AND datname LIKE 'template\\_many%'"
    assert ask(runtime.database_url("postgres"), templates) == 2


def test_migrations_that_fail_are_shown_and_can_be_mended(runtime: LocalRuntime) -> None:
    with pytest.raises(CommandFailed) as failure:
        runtime.database(variant("mended", migrate=("fail",)), "mended")
    assert "DATABASE_URL=postgresql://lab@/template_mended?host=" in str(failure.value)
    assert str(failure.value).endswith("fake_migrations.py fail\n  the migration fails, as it was told")

    assert ask(runtime.database(variant("mended"), "mended"), "SELECT count(*) FROM product") == 10_000


def empty(runtime: LocalRuntime, name: str) -> str:
    with psycopg.connect(runtime.database_url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return runtime.database_url(name)


def test_the_seed_needs_tables(runtime: LocalRuntime) -> None:
    with pytest.raises(InputError) as failure:
        seeding.seed(empty(runtime, "bare"))

    assert str(failure.value).splitlines() == [
        "2 problems in the database bare",
        "  product: no such table; run the service's migrations first",
        "  stock: no such table; run the service's migrations first",
    ]


def test_the_seed_needs_empty_tables(runtime: LocalRuntime) -> None:
    with pytest.raises(InputError, match="product: has rows already; the seed is for empty tables"):
        seeding.seed(runtime.database(variant(), "full"))


def test_a_database_that_is_not_there_is_a_clear_failure() -> None:
    with pytest.raises(RuntimeFailure, match=r"cannot seed the database: .*No such file or directory"):
        seeding.seed("postgresql://lab@/nowhere?host=/no/such/directory")
