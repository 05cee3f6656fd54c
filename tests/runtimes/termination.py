"""What clients see when one of a service's replicas ends under keep-alive traffic, request by request.

Each request is sent when it is due, on a connection that has none in flight. It ends in one of these ways:
answered, or
- reset: a new connection ended before any byte of an answer. It was in the accept queue of a replica that ended.
- closed: so did a connection that had been used before. The contract's time to drain is there to avoid it.
- cut: the answer broke off.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

REQUEST = b"GET %s HTTP/1.1\r\nHost: lab\r\n\r\n"
REQUESTS_PER_CONNECTION = 50
ANSWERED_WITHIN_S = 10.0


@dataclass(slots=True)
class Outcome:
    """Counts of requests."""

    sent: int = 0
    answered: int = 0
    reset: int = 0
    closed: int = 0
    cut: int = 0

    @property
    def unanswered(self) -> int:
        return self.sent - self.answered


def measure(url: str, path: str, stop: Callable[[], object], rate_per_s: float, duration_s: float) -> Outcome:
    """Sends requests at a steady rate, and calls `stop` (which ends a replica) in the middle of the time."""
    return asyncio.run(_measure(url, path, stop, rate_per_s, duration_s))


async def _measure(url: str, path: str, stop: Callable[[], object], rate_per_s: float, duration_s: float) -> Outcome:
    host, _, port = url.removeprefix("http://").partition(":")
    clients = _Clients(host, int(port), REQUEST % path.encode())
    loop = asyncio.get_running_loop()
    begun = loop.time()
    stopping: asyncio.Future[object] | None = None
    requests = []
    for number in range(int(rate_per_s * duration_s)):
        await asyncio.sleep(begun + number / rate_per_s - loop.time())
        if stopping is None and loop.time() > begun + duration_s / 2:
            stopping = loop.run_in_executor(None, stop)
        requests.append(asyncio.create_task(clients.request()))
    await asyncio.wait_for(asyncio.gather(*requests), ANSWERED_WITHIN_S)
    assert stopping
    await stopping
    clients.close()
    return clients.outcome


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answers: int = 0


class _Clients:
    """Connections to one address; one that answered is used again, least recently used first, some times."""

    def __init__(self, host: str, port: int, request: bytes) -> None:
        self.outcome = Outcome()
        self._address = (host, port)
        self._request = request
        self._idle: deque[_Connection] = deque()

    async def request(self) -> None:
        self.outcome.sent += 1
        connection: _Connection | None = None
        received = b""
        try:
            connection = self._idle.popleft() if self._idle else await self._connect()
            connection.writer.write(self._request)
            received = await connection.reader.read(1)
            received += await connection.reader.readuntil(b"\r\n\r\n")
            head = received.lower()
            await connection.reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))
        except (ConnectionError, asyncio.IncompleteReadError):
            if received:
                self.outcome.cut += 1
            elif connection and connection.answers:
                self.outcome.closed += 1
            else:
                self.outcome.reset += 1
            if connection:
                connection.writer.close()
            return
        self.outcome.answered += 1
        connection.answers += 1
        if b"connection: close" in head or connection.answers == REQUESTS_PER_CONNECTION:
            connection.writer.close()
        else:
            self._idle.append(connection)

    async def _connect(self) -> _Connection:
        return _Connection(*await asyncio.open_connection(*self._address))

    def close(self) -> None:
        for connection in self._idle:
            connection.writer.close()
