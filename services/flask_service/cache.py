"""Products' JSON in Valkey, by the protocol of `runtime.md`. A cache that does not answer is an empty one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from shop.settings import CACHE_TIMEOUT_S
from telemetry.errors import message

KEPT_S = 60
BLOCKED_AFTER_WRITE_S = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Cache:
    client: Redis | None
    key_prefix: str

    def key(self, product_id: int) -> str:
        return f"{self.key_prefix}:product:{product_id}"


class ProductCache:
    def init_app(self, app: Flask, url: str, key_prefix: str) -> None:
        """Without `url` nothing is kept."""
        client = (
            Redis.from_url(
                url,
                socket_timeout=CACHE_TIMEOUT_S,
                socket_connect_timeout=CACHE_TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
            )
            if url
            else None
        )
        app.extensions["product_cache"] = _Cache(client, key_prefix)

    def read_through(self, product_id: int, load: Callable[[], bytes]) -> bytes:
        """What is kept of the product, otherwise what `load` answers, which is kept unless a write just happened."""
        cache = _cache()
        if cache.client is None:
            return load()
        key = cache.key(product_id)
        try:
            kept = cache.client.get(key)
        except RedisError as error:
            _log.warning("cache: %s", message(error))
            return load()
        if kept:
            return cast(bytes, kept)
        loaded = load()
        if kept is not None:
            return loaded
        try:
            cache.client.set(key, loaded, nx=True, ex=KEPT_S)
        except RedisError as error:
            _log.warning("cache: %s", message(error))
        return loaded

    def forget(self, product_id: int) -> None:
        """To be called after a write commits: empty text keeps readers from putting back what they saw before it."""
        cache = _cache()
        if cache.client is None:
            return
        try:
            cache.client.set(cache.key(product_id), b"", ex=BLOCKED_AFTER_WRITE_S)
        except RedisError as error:
            _log.warning("cache: %s", message(error))


def _cache() -> _Cache:
    return cast(_Cache, current_app.extensions["product_cache"])
