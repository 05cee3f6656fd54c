from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from lab.load.opening import open_connection


class GivenUp(asyncio.Protocol):
    """Nobody waits for its opening any more as soon as it is open."""

    def __init__(self) -> None:
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, _: asyncio.BaseTransport) -> None:
        self.opening.cancel()

    def connection_lost(self, _: Exception | None) -> None:
        self.lost.set_result(None)

    async def open(self, port: int) -> None:
        self.opening = asyncio.ensure_future(open_connection(lambda: self, "127.0.0.1", port))
        await self.opening


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_one_that_is_given_up_as_it_opens_is_lost(run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    async def given_up(port: int) -> None:
        connection = GivenUp()
        with pytest.raises(asyncio.CancelledError):
            await connection.open(port)
        await asyncio.wait_for(connection.lost, 5)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        run(given_up(listener.getsockname()[1]))
