from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import uvloop

from tests.load.server import Answer, Server, ServerProtocol


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], Server]]:
    """Starts a server on a free port, in a thread of its own."""
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def start(answer: Answer) -> Server:
        server = Server()

        async def listen() -> int:
            listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
            await loop.create_server(lambda: ServerProtocol(server, answer), sock=listener)
            port: int = listener.getsockname()[1]
            return port

        server.url = f"http://127.0.0.1:{asyncio.run_coroutine_threadsafe(listen(), loop).result(5)}"
        return server

    yield start
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()
