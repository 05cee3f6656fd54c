"""Django's settings, from the environment that `services/contract/runtime.md` describes.

A replica has a role, and loads that role's app and URLs only. A management command has none: it sees every app that has
tables, and needs nothing but DATABASE_URL. Both know the admin only by `backoffice/settings.py`, which adds to these.
"""

from __future__ import annotations

import os
from typing import Any

from shop.settings import (
    CACHE_TIMEOUT_S,
    DATABASE_POOL_TIMEOUT_S,
    DATABASE_STATEMENT_TIMEOUT_S,
    Database,
    Role,
    Settings,
)
from shop.streams import KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVES

_REPLICA = Settings.or_exit(os.environ, tuple(Role)) if "LAB_ROLE" in os.environ else None
_WITH_TABLES = ["django_service.catalog", "django_service.orders"]
_APPS = {
    Role.CATALOG: ["django_service.catalog"],
    Role.ORDERS: ["django_service.orders"],
    Role.RECOMMEND: ["django_service.recommend"],
    Role.PING: [],
    Role.ADMIN: _WITH_TABLES,
}

SHOP_ROLE = _REPLICA.role if _REPLICA else None
SHOP_TOKEN_KEY = _REPLICA.token_key if _REPLICA else b""
SHOP_CATALOG_URL = _REPLICA.catalog_url if _REPLICA else ""
SHOP_HAS_CACHE = bool(_REPLICA and _REPLICA.cache_url)
SHOP_THREADS = _REPLICA.database_connections if _REPLICA else 1
SHOP_STREAM_MAX_S = _REPLICA.stream_max_s if _REPLICA else 0
SHOP_MODEL = _REPLICA.model if _REPLICA else None

INSTALLED_APPS = [*(_APPS[SHOP_ROLE] if SHOP_ROLE else _WITH_TABLES), "django_service.docs"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "django_service.urls"

TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_NUMBER_FIELDS: int | None = None  # the contract ignores unknown query parameters, however many


def _database() -> Database | None:
    if _REPLICA:
        return _REPLICA.database
    url = os.environ.get("DATABASE_URL")
    return Database.from_url(url) if url else None


def _options() -> str:
    """The time zone, for which Django would need a statement. Those of a replica end in time, a migration's do not."""
    time_zone = f"-c timezone={TIME_ZONE}"
    return f"{time_zone} -c statement_timeout={DATABASE_STATEMENT_TIMEOUT_S * 1000:.0f}" if _REPLICA else time_zone


def _databases(database: Database | None) -> dict[str, dict[str, Any]]:
    if database is None:
        return {}
    return {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": database.name,
            "USER": database.user,
            "PASSWORD": database.password,
            "HOST": database.host,
            "PORT": database.port,
            "CONN_MAX_AGE": None,  # each of the server's threads keeps its connection
            "OPTIONS": {
                "connect_timeout": int(DATABASE_POOL_TIMEOUT_S),
                "options": _options(),
                # for the one that listens
                "keepalives_idle": KEEPALIVE_IDLE_S,
                "keepalives_interval": KEEPALIVE_INTERVAL_S,
                "keepalives_count": KEEPALIVES,
            },
        }
    }


def _caches(url: str, database: Database | None) -> dict[str, dict[str, Any]]:
    if not url or database is None:
        return {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    return {
        "default": {
            "BACKEND": "django_service.catalog.cache_backend.Cache",
            "LOCATION": [url],
            "KEY_PREFIX": database.name,
            "KEY_FUNCTION": "django_service.catalog.cache_backend.make_key",
            "OPTIONS": {
                "serializer": "django_service.catalog.cache_backend.AsIs",
                "socket_timeout": CACHE_TIMEOUT_S,
                "socket_connect_timeout": CACHE_TIMEOUT_S,
            },
        }
    }


DATABASES = _databases(_database())
CACHES = _caches(_REPLICA.cache_url if _REPLICA else "", _database())

LOGGING = {  # no handlers: the server's root logger writes everything
    "version": 1,
    "disable_existing_loggers": False,
    # an answer of 4xx or 503 is the contract at work
    "filters": {"faults": {"()": "django.utils.log.CallbackFilter", "callback": lambda record: bool(record.exc_info)}},
    "loggers": {
        "django": {"level": "WARNING"},
        "django.request": {"filters": ["faults"]},
    },
}
