"""What only the Django variant promises: migrations without drift, a replica that carries its role and no more, and
keys and bytes in the cache as the contract has them. The contract itself is tested by its checker."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
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
