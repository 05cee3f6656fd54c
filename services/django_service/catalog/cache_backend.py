"""Django's Redis cache, keeping bytes under the keys that `runtime.md` names."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient


def make_key(key: str, key_prefix: str, version: int) -> str:
    """CACHES' KEY_FUNCTION: Django's own puts a version between."""
    return f"{key_prefix}:{key}"


class AsIs:
    """Serializer of what is bytes already."""

    def dumps(self, value: bytes) -> bytes:
        return value

    def loads(self, data: bytes) -> bytes:
        return data


class Client(RedisCacheClient):
    """Keeps its redis-py client; Django's makes one for each command, which takes longer than the command."""

    @cached_property
    def _kept(self) -> Any:
        return super().get_client(write=True)

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        return self._kept


class Cache(RedisCache):
    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = Client
