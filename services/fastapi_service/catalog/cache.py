"""Products in Valkey, as the bytes of their JSON. The protocol is in the contract's `runtime.md`.

A cache that is slow, gone or holds something else is done without: no method raises.
"""

from __future__ import annotations

import asyncio
from typing import cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from shop.settings import CACHE_TIMEOUT_S

KEPT_S = 60
BLOCKED_S = 5
CONNECTIONS = 32

FAILURES = (RedisError, OSError)  # TimeoutError is an OSError


class ProductCache:
    def __init__(self, url: str, database: str) -> None:
        """Connects when first used. `database` keeps apart what shares one Valkey."""
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=CACHE_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis(connection_pool=pool)
        self._prefix = f"{database}:product:"

    async def get(self, product_id: int) -> bytes | None:
        """The product's JSON; None if it may be filled in, empty if it may not."""
        try:
            async with asyncio.timeout(CACHE_TIMEOUT_S):
                return cast("bytes | None", await self._redis.get(f"{self._prefix}{product_id}"))
        except FAILURES:
            return b""

    async def fill(self, product_id: int, json: bytes) -> None:
        """Unless a write has blocked the key since `get`."""
        await self._set(product_id, json, KEPT_S, only_new=True)

    async def block(self, product_id: int) -> None:
        """For readers that saw the product before a write, and have not filled the cache yet."""
        await self._set(product_id, b"", BLOCKED_S, only_new=False)

    async def _set(self, product_id: int, value: bytes, seconds: int, *, only_new: bool) -> None:
        try:
            async with asyncio.timeout(CACHE_TIMEOUT_S):
                await self._redis.set(f"{self._prefix}{product_id}", value, ex=seconds, nx=only_new)
        except FAILURES:
            return

    async def close(self) -> None:
        await self._redis.aclose(close_connection_pool=True)
