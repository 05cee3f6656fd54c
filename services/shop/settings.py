"""A replica's configuration, read from its environment as `services/contract/runtime.md` says."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qs, unquote, urlsplit

from shop.model import Model, ModelError, read

TOKEN_KEY_MIN_BYTES = 32
CATALOG_CONNECT_TIMEOUT_S = 1.0
CATALOG_TIMEOUT_S = 2.0
DATABASE_POOL_TIMEOUT_S = 5.0
DATABASE_STATEMENT_TIMEOUT_S = 5.0
CACHE_TIMEOUT_S = 0.25
DRAIN_MAX_S = 8
STREAM_MAX_S = 86_400


class SettingsError(ValueError):
    """The environment does not describe a replica; `problems` has one line for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Role(StrEnum):
    CATALOG = "catalog"
    ORDERS = "orders"
    RECOMMEND = "recommend"
    PING = "ping"
    ADMIN = "admin"


class Telemetry(StrEnum):
    OFF = "off"
    METRICS = "metrics"
    OFFICIAL = "official"


ROLES = (Role.CATALOG, Role.ORDERS, Role.RECOMMEND, Role.PING)  # of every variant
WITH_DATABASE = {Role.CATALOG, Role.ORDERS, Role.ADMIN}


@dataclass(frozen=True, slots=True)
class Database:
    """Where PostgreSQL is. `host` is a directory when the connection is a Unix socket."""

    user: str
    password: str
    host: str
    port: int
    name: str

    @classmethod
    def from_url(cls, url: str) -> Database:
        """Raises ValueError with what is wrong."""
        parts = urlsplit(url)
        if parts.scheme not in {"postgresql", "postgres"}:
            raise ValueError(f"{parts.scheme or 'no'} scheme; expected postgresql://user@host/name")
        name = unquote(parts.path.lstrip("/"))
        if not name:
            raise ValueError("no database name; expected postgresql://user@host/name")
        socket_directory = parse_qs(parts.query).get("host", [""])[-1]
        return cls(
            user=unquote(parts.username or "postgres"),
            password=unquote(parts.password or ""),
            host=socket_directory or parts.hostname or "localhost",
            port=parts.port or 5432,
            name=name,
        )


@dataclass(frozen=True, slots=True)
class Settings:
    role: Role
    variant: str
    telemetry: Telemetry
    host: str
    port: int
    metrics_port: int
    database: Database | None
    database_connections: int
    cache_url: str
    catalog_url: str
    token_key: bytes
    drain_s: float
    stream_max_s: int
    model: Model | None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], roles: Collection[Role] = ROLES) -> Settings:
        """`roles` are those that the variant plays. Raises SettingsError with every problem at once."""
        reader = _Reader(environ)
        role = reader.role(roles)
        has_database = role in WITH_DATABASE
        settings = cls(
            role=role,
            variant=environ.get("LAB_VARIANT", ""),
            telemetry=reader.telemetry(),
            host=environ.get("LAB_HOST") or "127.0.0.1",
            port=reader.integer("LAB_PORT", minimum=1, maximum=65535),
            metrics_port=reader.integer("LAB_METRICS_PORT", minimum=1, maximum=65535),
            database=reader.database() if has_database else None,
            database_connections=reader.integer("LAB_DB_CONNECTIONS", minimum=1, maximum=1000, default=4),
            cache_url=reader.cache_url(),
            catalog_url=reader.catalog_url() if role is Role.ORDERS else "",
            token_key=reader.token_key() if has_database else b"",
            drain_s=reader.seconds("LAB_DRAIN_S", maximum=DRAIN_MAX_S, default=0.5),
            stream_max_s=reader.integer("LAB_STREAM_MAX_S", minimum=1, maximum=STREAM_MAX_S, default=300),
            model=reader.model() if role is Role.RECOMMEND else None,
        )
        if reader.problems:
            raise SettingsError(reader.problems)
        return settings

    @classmethod
    def or_exit(cls, environ: Mapping[str, str], roles: Collection[Role] = ROLES) -> Settings:
        """The settings, or exit code 2 with one line on standard error for each problem."""
        try:
            return cls.from_environ(environ, roles)
        except SettingsError as error:
            exit_with(error.problems)


def exit_with(problems: list[str]) -> NoReturn:
    for problem in problems:
        sys.stderr.write(problem + "\n")
    raise SystemExit(2)


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def required(self, name: str, example: str) -> str:
        value = self.environ.get(name, "")
        if not value:
            self.problems.append(f"{name}: missing; for example {name}={example}")
        return value

    def role(self, roles: Collection[Role]) -> Role:
        value = self.required("LAB_ROLE", "catalog")
        if value in roles:
            return Role(value)
        if value:
            self.problems.append(f"LAB_ROLE: {value!r} is none of {', '.join(roles)}")
        return Role.PING

    def telemetry(self) -> Telemetry:
        value = self.environ.get("LAB_TELEMETRY") or Telemetry.OFF
        if value not in tuple(Telemetry):
            self.problems.append(f"LAB_TELEMETRY: {value!r} is none of {', '.join(Telemetry)}")
            return Telemetry.OFF
        return Telemetry(value)

    def integer(self, name: str, *, minimum: int, maximum: int, default: int | None = None) -> int:
        value = self.environ.get(name, "") if default is not None else self.required(name, str(minimum))
        if not value:
            return default or 0
        if not value.isascii() or not value.isdigit() or not minimum <= int(value) <= maximum:
            self.problems.append(f"{name}: {value!r} is not an integer from {minimum} to {maximum}")
            return 0
        return int(value)

    def seconds(self, name: str, *, maximum: int, default: float) -> float:
        value = self.environ.get(name) or str(default)
        try:
            seconds = float(value)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= maximum:
            self.problems.append(f"{name}: {value!r} is not a number of seconds from 0 to {maximum}")
        return seconds

    def database(self) -> Database | None:
        value = self.required("DATABASE_URL", "postgresql://user@localhost/shop")
        try:
            return Database.from_url(value) if value else None
        except ValueError as error:
            self.problems.append(f"DATABASE_URL: {error}")
            return None

    def cache_url(self) -> str:
        value = self.environ.get("CACHE_URL", "")
        if value and urlsplit(value).scheme not in {"redis", "unix"}:
            self.problems.append(f"CACHE_URL: {value!r} starts with neither redis:// nor unix://")
        return value

    def catalog_url(self) -> str:
        value = self.required("CATALOG_URL", "http://127.0.0.1:8000")
        if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
            self.problems.append(f"CATALOG_URL: {value!r} is not an http:// or https:// address")
        return value.rstrip("/")

    def model(self) -> Model | None:
        value = self.required("LAB_MODEL_FILE", "/var/lib/shop/model")
        try:
            return read(Path(value)) if value else None
        except ModelError as error:
            self.problems.append(f"LAB_MODEL_FILE: {error}")
            return None

    def token_key(self) -> bytes:
        value = self.required("LAB_TOKEN_KEY_FILE", "/run/secrets/token-key")
        if not value:
            return b""
        try:
            key = Path(value).read_bytes()
        except OSError as error:
            self.problems.append(f"LAB_TOKEN_KEY_FILE: cannot read {value}: {error.strerror}")
            return b""
        if len(key) < TOKEN_KEY_MIN_BYTES:
            self.problems.append(f"LAB_TOKEN_KEY_FILE: {value} has {len(key)} bytes; at least {TOKEN_KEY_MIN_BYTES}")
        return key
