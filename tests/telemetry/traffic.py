"""Requests over connections that are kept, as fast as they are answered or at a steady rate; what became of each."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
GIVEN_UP_AFTER_S = 30.0


@dataclass(frozen=True, slots=True)
class Traced:
    """A request, and the trace that its traceparent names."""

    trace_id: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    request: Traced
    status: int
    elapsed_s: float


def traced(path: str = "/ping", method: str = "GET", headers: str = "", *, sampled: bool = True) -> Traced:
    """`headers` are whole lines."""
    trace_id = secrets.token_hex(16)
    parent = f"00-{trace_id}-{secrets.token_hex(8)}-{sampled:02x}"
    head = f"{method} {path} HTTP/1.1\r\nHost: lab\r\ntraceparent: {parent}\r\n{headers}\r\n"
    return Traced(trace_id, head.encode("latin-1"))


def send(
    url: str,
    requests: Iterable[Traced],
    connections: int,
    *,
    rate_per_s: float = 0.0,
    midway: Callable[[], object] = lambda: None,
) -> list[Answered]:
    """Those that were answered; `midway`, in a thread of its own, is called when half of them were sent."""
    return asyncio.run(_send(url, list(requests), connections, rate_per_s, midway))


async def _send(
    url: str, requests: Sequence[Traced], connections: int, rate_per_s: float, midway: Callable[[], object]
) -> list[Answered]:
    loop = asyncio.get_running_loop()
    begin = loop.time()
    todo = iter(enumerate(requests))
    answered: list[Answered] = []
    ending: list[asyncio.Future[object]] = []

    async def client() -> None:
        connection = None
        for number, request in todo:
            if number == len(requests) // 2:
                ending.append(loop.run_in_executor(None, midway))
            if rate_per_s:
                await asyncio.sleep(begin + number / rate_per_s - loop.time())
            try:
                connection = connection or await asyncio.open_connection(*_address(url))
                answer = await _exchange(*connection, request)
            except (ConnectionError, asyncio.IncompleteReadError):
                connection = None
                continue
            answered.append(answer[0])
            if answer[1]:
                connection[1].close()
                connection = None
        if connection:
            connection[1].close()

    async with asyncio.timeout(GIVEN_UP_AFTER_S):
        await asyncio.gather(*(client() for _ in range(connections)))
        await asyncio.gather(*ending)
    return answered


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Traced
) -> tuple[Answered, bool]:
    """And whether the connection is at its end."""
    clock = asyncio.get_running_loop().time
    begin = clock()
    writer.write(request.content)
    head = await reader.readuntil(b"\r\n\r\n")
    if (length := _LENGTH.search(head)) and not request.content.startswith(b"HEAD "):
        await reader.readexactly(int(length[1]))
    return Answered(request, int(head[9:12]), clock() - begin), b"connection: close" in head.lower()


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port
