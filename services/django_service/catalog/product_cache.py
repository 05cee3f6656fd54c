"""The JSON of products in Django's cache, as `runtime.md` says. A cache that does not answer is a miss.

Empty text, after a write, is a miss that nobody may fill: a reader that saw the row as it was cannot put it back.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

KEPT_S = 60
BLOCKED_S = 5


def read_through(product_id: int, load: Callable[[], bytes]) -> bytes:
    """The product's JSON, from `load` where the cache does not have it, or where there is none."""
    if not settings.SHOP_HAS_CACHE:
        return load()
    key = _key(product_id)
    try:
        body: bytes | None = cache.get(key)
    except RedisError:
        return load()
    if body:
        return body
    loaded = load()
    if body is None:
        with suppress(RedisError):
            cache.add(key, loaded, KEPT_S)
    return loaded


def forget(product_id: int) -> None:
    """Call it after the write is committed."""
    with suppress(RedisError):
        cache.set(_key(product_id), b"", BLOCKED_S)


def _key(product_id: int) -> str:
    return f"product:{product_id}"
