"""Asks a replica over HTTP, with as little as it takes, so that asking does not disturb what is measured."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from lab.runtimes.supervision.ports import HOST

INTERVAL_S = 0.02
TIMEOUT_S = 2.0


async def until_ok(port: int, path: str, accept: Callable[[int], bool] = lambda _: True) -> None:
    """Returns at the first 200; asks every 20 ms. `accept` is given the client's port while the connection is open."""
    while True:
        if await _ok(port, path, accept):
            return
        await asyncio.sleep(INTERVAL_S)


async def _ok(port: int, path: str, accept: Callable[[int], bool]) -> bool:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n".encode())
                status = (await reader.readline()).split()
                return status[1:2] == [b"200"] and accept(writer.get_extra_info("sockname")[1])
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError):
        return False
