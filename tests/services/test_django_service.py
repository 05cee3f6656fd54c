"""What only the Django variant promises: migrations without drift, a replica that carries its role and no more, keys
and bytes in the cache as the contract has them, and prices that fail as soon as one of them does. The contract itself
is tested by its checker."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import django_service
import pytest
import yaml

FOLDER = Path(django_service.__file__).parent
KEPT_FROM_OUTSIDE = ("PATH", "HOME", "LANG")


def run(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Python in the variant's folder, with no configuration but `environ`."""
    outside = {name: os.environ[name] for name in KEPT_FROM_OUTSIDE if name in os.environ}
    return subprocess.run(
        [sys.executable, *argv], cwd=FOLDER, env={**outside, **environ}, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def replica(tmp_path: Path) -> dict[str, str]:
    """The environment of a replica that no database and no cache stands behind."""
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    return {
        "LAB_PORT": "1",
        "LAB_METRICS_PORT": "2",
        "LAB_TOKEN_KEY_FILE": str(key),
        "DATABASE_URL": "postgresql://lab@/shop?host=/nonexistent",
        "CATALOG_URL": "http://127.0.0.1:9",
    }


def test_the_migrations_make_what_the_models_say() -> None:
    checked = run("manage.py", "makemigrations", "--check", "--dry-run")
    assert (checked.returncode, checked.stdout.strip()) == (0, "No changes detected"), checked.stderr


ROLES = [
    # role       apps                        paths
    ("ping", [], ["ping"]),
    ("catalog", ["django_service.catalog"], ["ping", "products", "products/<str:product_id>"]),
    (
        "orders",
        ["django_service.orders"],
        ["ping", "orders", "orders/<str:order_id>", "orders/<str:order_id>/transitions", "stock/<str:product_id>"],
    ),
]

TELL = """
import json, os
os.environ["DJANGO_SETTINGS_MODULE"] = "django_service.settings"
import django
django.setup()
from django.apps import apps
from django.conf import settings
from django.urls import get_resolver
print(json.dumps({
    "apps": [app.name for app in apps.get_app_configs()],
    "paths": sorted(str(pattern.pattern) for pattern in get_resolver().url_patterns),
    "middleware": settings.MIDDLEWARE,
}))
"""


@pytest.mark.parametrize(("role", "apps", "paths"), ROLES, ids=[role for role, *_ in ROLES])
def test_a_replica_carries_its_role_and_the_middleware_that_the_manifest_lists(
    role: str, apps: list[str], paths: list[str], replica: dict[str, str]
) -> None:
    manifest = yaml.safe_load((FOLDER / "service.yaml").read_text(encoding="utf-8"))
    told = run("-c", TELL, LAB_ROLE=role, **replica)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {"apps": apps, "paths": sorted(paths), "middleware": manifest["middleware"]}


CACHE_KEY = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "django_service.settings"
from django.core.cache import cache
print(cache.make_key("product:17"), cache._cache._serializer.dumps(b"{}"))
"""


def test_products_are_cached_under_the_databases_name_as_they_are(replica: dict[str, str]) -> None:
    told = run("-c", CACHE_KEY, LAB_ROLE="catalog", CACHE_URL="redis://127.0.0.1:9/0", **replica)
    assert told.stdout.strip() == "shop:product:17 b'{}'", told.stderr


STATEMENT_TIMEOUT = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "django_service.settings"
from django.conf import settings
print(settings.DATABASES["default"]["OPTIONS"]["options"])
"""


def test_a_replicas_statements_end_after_5_s_and_those_of_a_migration_do_not(replica: dict[str, str]) -> None:
    told = [run("-c", STATEMENT_TIMEOUT, **environ).stdout for environ in ({"LAB_ROLE": "orders", **replica}, replica)]
    assert told == ["-c statement_timeout=5000\n", "\n"]


PRODUCTS = {
    1: b'{"name": "Lamp", "price": {"amount_minor": 500, "currency": "EUR"}}',
    2: b"[" * 100_000,
}
FAILS, HANGS = 3, 4


@pytest.fixture
def catalog() -> Iterator[str]:
    """The URL of a catalog with PRODUCTS; it answers 500 for FAILS, and HANGS only when the test is over."""
    over = threading.Event()

    class Catalog(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            product_id = int(self.path.removeprefix("/products/"))
            if product_id == HANGS:
                over.wait()
            body = PRODUCTS.get(product_id, b"")
            self.send_response(500 if product_id == FAILS else 200 if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Catalog) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            over.set()
            server.shutdown()


OFFERS = """
import os, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "django_service.settings"
from django_service.orders.prices import prices
from shop.problems import Problem
catalog = prices()
start = time.monotonic()
try:
    catalog.offers([int(product_id) for product_id in sys.argv[1:]])
    status = 200
except Problem as problem:
    status = problem.status
print(status, time.monotonic() - start < 1.5, flush=True)
os._exit(0)  # no waiting for a read that hangs
"""

PRICES = [
    # case                               products     status  at once
    ("a product", [1], 200, True),
    ("one that is not there", [1, 9], 409, True),
    ("nested too deeply", [1, 2], 503, True),
    ("a failure", [1, FAILS], 503, True),
    ("a failure beside one that hangs", [HANGS, FAILS], 503, True),
    ("one that hangs", [1, HANGS], 504, False),
]


@pytest.mark.parametrize(("products", "status", "at_once"), [row[1:] for row in PRICES], ids=[row[0] for row in PRICES])
def test_prices_fail_with_the_first_failure(
    products: list[int], status: int, at_once: bool, catalog: str, replica: dict[str, str]
) -> None:
    told = run("-c", OFFERS, *map(str, products), LAB_ROLE="orders", **{**replica, "CATALOG_URL": catalog})
    assert told.stdout.split() == [str(status), str(at_once)], told.stderr


def test_a_replica_with_a_wrong_environment_names_every_problem_and_does_not_start() -> None:
    ended = run("-m", "django_service", LAB_ROLE="catalog", LAB_PORT="http")
    assert ended.returncode == 2
    assert [line.split(":")[0] for line in ended.stderr.splitlines()] == [
        "LAB_PORT",
        "LAB_METRICS_PORT",
        "DATABASE_URL",
        "LAB_TOKEN_KEY_FILE",
    ]


def test_taken_ports_end_the_start_with_a_line_each_and_no_worker_that_tries_again(replica: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = {"LAB_PORT": str(one.getsockname()[1]), "LAB_METRICS_PORT": str(two.getsockname()[1])}
        ended = run("-m", "django_service", LAB_ROLE="ping", **{**replica, **ports})
    assert ended.returncode == 2
    assert [line.split(":")[0] for line in ended.stderr.splitlines()] == ["LAB_PORT", "LAB_METRICS_PORT"]
