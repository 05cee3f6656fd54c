"""What only the Django variant promises: migrations without drift, a replica that carries its role and no more, keys
and bytes in the cache as the contract has them, prices that fail as soon as one of them does, a description that costs
nothing until somebody asks, and streams that keep nothing. The contract itself is tested by its checker."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, LiteralString

import django_service
import httpx
import psycopg
import pytest
import yaml
from shop.model import build, write

from lab.core.deployment import Deployment
from lab.runtimes.local import LocalRuntime
from lab.tree import SERVICES
from lab.variants import load_manifests
from tests.polling import until

FOLDER = Path(django_service.__file__).parent
SOON_S = 5.0
KEPT_FROM_OUTSIDE = ("PATH", "HOME", "LANG")


def run(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Python in the variant's folder, with no configuration but `environ`."""
    outside = {name: os.environ[name] for name in KEPT_FROM_OUTSIDE if name in os.environ}
    return subprocess.run(
        [sys.executable, *argv], cwd=FOLDER, env={**outside, **environ}, capture_output=True, text=True, timeout=60
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model"
    write(path, build())
    return path


@pytest.fixture
def replica(tmp_path: Path, model: Path) -> dict[str, str]:
    """The environment of a replica that no database and no cache stands behind."""
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    return {
        "LAB_PORT": "1",
        "LAB_METRICS_PORT": "2",
        "LAB_TOKEN_KEY_FILE": str(key),
        "DATABASE_URL": "postgresql://lab@/shop?host=/nonexistent",
        "CATALOG_URL": "http://127.0.0.1:9",
        "LAB_MODEL_FILE": str(model),
    }


def test_the_migrations_make_what_the_models_say() -> None:
    checked = run("manage.py", "makemigrations", "--check", "--dry-run")
    assert (checked.returncode, checked.stdout.strip()) == (0, "No changes detected"), checked.stderr


IN_EVERY_ROLE = ["ping", "openapi.json", "docs", "docs/<str:name>"]
ROLES = [
    # role       apps                        paths
    ("ping", [], []),
    ("catalog", ["django_service.catalog"], ["products", "products/<str:product_id>"]),
    (
        "orders",
        ["django_service.orders"],
        [
            "orders",
            "orders/<str:order_id>",
            "orders/<str:order_id>/transitions",
            "orders/<str:order_id>/events",
            "stock/<str:product_id>",
        ],
    ),
    ("recommend", ["django_service.recommend"], ["recommendations"]),
]

# What one role needs, or what is read when somebody asks for it
NOT_AT_START = [
    *("django.contrib.admin", "django.contrib.auth", "django.contrib.sessions", "django.contrib.messages"),
    *("django.contrib.contenttypes", "django.contrib.staticfiles", "whitenoise", "django_service.backoffice", "yaml"),
    # Telemetry is off. The rest of OpenTelemetry is loaded by redis-py where it finds it.
    *("prometheus_client", "opentelemetry.instrumentation", "opentelemetry.exporter"),
]

TELL = """
import json, logging, os, sys
from shop.settings import Role
from django_service.__main__ import load_app
from telemetry.setup import OFF
load_app(Role(os.environ["LAB_ROLE"]), OFF)
from django.apps import apps
from django.conf import settings
from django.urls import get_resolver
print(json.dumps({
    "apps": [app.name for app in apps.get_app_configs()],
    "paths": sorted(str(pattern.pattern) for pattern in get_resolver().url_patterns),
    "middleware": settings.MIDDLEWARE,
    "handlers": list(map(str, logging.getLogger("django").handlers)),
    "carried": sorted(name for name in sys.argv[1:] if name in sys.modules),
}))
"""


@pytest.mark.parametrize(("role", "apps", "paths"), ROLES, ids=[role for role, *_ in ROLES])
def test_a_replica_carries_its_role_and_the_middleware_that_the_manifest_lists(
    role: str, apps: list[str], paths: list[str], replica: dict[str, str]
) -> None:
    manifest = yaml.safe_load((FOLDER / "service.yaml").read_text(encoding="utf-8"))
    told = run("-c", TELL, *NOT_AT_START, LAB_ROLE=role, **replica)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {
        "apps": [*apps, "django_service.docs"],
        "paths": sorted([*IN_EVERY_ROLE, *paths]),
        "middleware": manifest["middleware"],
        "handlers": [],
        "carried": [],
    }


DESCRIBE = """
import re
from shop.settings import Role
from django_service.__main__ import load_app
from telemetry.setup import OFF
load_app(Role.PING, OFF)
from django.test import Client
page = Client().get("/docs").text
for link in [*re.findall(r'(?:href|src)="([^"]+)"', page), *re.findall(r'url: "([^"]+)"', page)]:
    print(link, Client().get(f"/{link}").status_code)
"""


def test_the_page_needs_nothing_from_elsewhere(replica: dict[str, str]) -> None:
    told = run("-c", DESCRIBE, LAB_ROLE="ping", **replica)
    assert told.stdout.splitlines() == [
        "docs/swagger-ui.css 200",
        "docs/favicon-32x32.png 200",
        "docs/swagger-ui-bundle.js 200",
        "openapi.json 200",
    ], told.stderr


ASK = """
import sys
from shop.settings import Role
from django_service.__main__ import load_app
from telemetry.setup import OFF
load_app(Role.PING, OFF)
from django.test import Client
for asked in sys.argv[1:]:
    print(asked[:20], Client().generic(*asked.split()).status_code)
"""


def test_nothing_but_the_files_of_its_folder_is_read(replica: dict[str, str]) -> None:
    asked = ["GET /docs/..", "GET /docs/../LICENSE", "GET /docs/%2Fetc%2Fhosts", "GET /docs/" + "a" * 300]
    told = run("-c", ASK, *asked, "POST /docs/LICENSE", LAB_ROLE="ping", **replica)
    assert told.stdout.splitlines() == [*(f"{line[:20]} 404" for line in asked), "POST /docs/LICENSE 405"], told.stderr


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
    assert told == ["-c timezone=UTC -c statement_timeout=5000\n", "-c timezone=UTC\n"]


PRODUCTS = {
    1: b'{"name": "Lamp", "price": {"amount_minor": 500, "currency": "EUR"}}',
    2: b"[" * 100_000,
}
FAILS, HANGS, TRICKLES, MOVED = 3, 4, 5, 6
STATUSES = {FAILS: 500, TRICKLES: 200, MOVED: 302}


@pytest.fixture
def catalog() -> Iterator[str]:
    """The URL of a catalog with PRODUCTS: 500 for FAILS, a redirection to a product for MOVED, a byte now and then for
    TRICKLES, and for HANGS nothing until the test is over."""
    over = threading.Event()

    class Catalog(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            product_id = int(self.path.removeprefix("/products/"))
            if product_id == HANGS:
                over.wait()
            body = PRODUCTS.get(product_id, b"")
            self.send_response(STATUSES.get(product_id, 200 if body else 404))
            self.send_header("Location", "/products/1")
            self.send_header("Content-Length", "100" if product_id == TRICKLES else str(len(body)))
            self.end_headers()
            while product_id == TRICKLES and not over.wait(0.1):
                self.wfile.write(b" ")
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
lasted = time.monotonic() - start
print(status, "at once" if lasted < 1.5 else "in time" if lasted < 2.5 else "late", flush=True)
os._exit(0)  # no waiting for a read that hangs
"""

PRICES = [
    # case                               products     status  answered
    ("a product", [1], 200, "at once"),
    ("one that is not there", [1, 9], 409, "at once"),
    ("nested too deeply", [1, 2], 503, "at once"),
    ("a failure", [1, FAILS], 503, "at once"),
    ("a redirection", [MOVED], 503, "at once"),
    ("a failure beside one that hangs", [HANGS, FAILS], 503, "at once"),
    ("one that hangs", [1, HANGS], 504, "in time"),
    ("one that comes byte by byte", [TRICKLES], 504, "in time"),
]


@pytest.mark.parametrize(
    ("products", "status", "answered"), [row[1:] for row in PRICES], ids=[row[0] for row in PRICES]
)
def test_prices_fail_with_the_first_failure(
    products: list[int], status: int, answered: str, catalog: str, replica: dict[str, str]
) -> None:
    told = run("-c", OFFERS, *map(str, products), LAB_ROLE="orders", **{**replica, "CATALOG_URL": catalog})
    assert told.stdout.strip() == f"{status} {answered}", told.stderr


def test_a_catalog_that_refuses_is_not_one_that_is_late(replica: dict[str, str]) -> None:
    told = run("-c", OFFERS, "1", LAB_ROLE="orders", **replica)
    assert told.stdout.strip() == "503 at once", told.stderr


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


@pytest.fixture(scope="module")
def orders(runtime: LocalRuntime) -> Iterator[Orders]:
    """Has room for one stream."""
    variant = load_manifests([SERVICES])["django"]
    database_url = runtime.database(variant, "streams_django")
    service = runtime.deploy(
        Deployment("streams-django", variant, "orders", 1, database_url, 3, catalog_url="http://127.0.0.1:9")
    )
    yield Orders(service.url, database_url)
    runtime.remove(service.name)


@dataclass(frozen=True, slots=True)
class Orders:
    url: str
    database_url: str

    def execute(self, statement: LiteralString, *values: object) -> Any:
        """The first value that it answers."""
        with psycopg.connect(self.database_url) as connection:
            return next(iter(connection.execute(statement, values).fetchone() or ()), None)

    def place(self) -> int:
        return int(
            self.execute(
                "WITH o AS (INSERT INTO orders (idempotency_key, fingerprint, status, total_minor, currency)"
                " VALUES (gen_random_uuid(), '', 'placed', 1, 'EUR') RETURNING id)"
                " INSERT INTO order_event (order_id, status) SELECT id, 'placed' FROM o RETURNING order_id"
            )
        )

    def ship(self, order_id: int) -> None:
        """As another replica would."""
        self.execute(
            "WITH e AS (INSERT INTO order_event (order_id, status) VALUES (%s, 'shipped') RETURNING order_id)"
            " SELECT pg_notify('order_event', order_id::text) FROM e",
            order_id,
        )

    def stream(self, order_id: int) -> AbstractContextManager[httpx.Response]:
        return httpx.stream("GET", f"{self.url}/orders/{order_id}/events", trust_env=False, timeout=SOON_S)

    def has_room(self, order_id: int) -> bool:
        with self.stream(order_id) as answer:
            return answer.status_code == 200


@pytest.mark.slow
def test_clients_that_go_before_the_first_byte_keep_no_room(orders: Orders) -> None:
    order_id = orders.place()
    at_once_and_hard = struct.pack("ii", 1, 0)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", httpx.URL(orders.url).port or 0)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once_and_hard)
            client.sendall(b"GET /orders/%d/events HTTP/1.1\r\nHost: shop\r\n\r\n" % order_id)
    until(lambda: orders.has_room(order_id), SOON_S, "room for a stream")


@pytest.mark.slow
def test_when_nothing_is_heard_any_more_streams_end_and_the_next_one_listens_anew(orders: Orders) -> None:
    order_id = orders.place()
    until(lambda: orders.has_room(order_id), SOON_S, "room for a stream")
    with orders.stream(order_id) as stream:
        told = stream.iter_text()
        assert '"placed"' in next(told)
        orders.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query = 'LISTEN order_event'"
        )
        assert list(told) == []
    until(lambda: orders.has_room(order_id), SOON_S, "room for a stream")
    with orders.stream(order_id) as stream:
        told = stream.iter_text()
        assert '"placed"' in next(told)
        orders.ship(order_id)
        assert '"shipped"' in "".join(told)


@pytest.mark.slow
def test_one_connection_listens_however_many_streams_there_were(orders: Orders) -> None:
    order_id = orders.place()
    for _ in range(5):
        until(lambda: orders.has_room(order_id), SOON_S, "room for a stream")
    listening = orders.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN order_event'"
    )
    assert listening == 1
