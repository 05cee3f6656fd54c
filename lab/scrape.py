"""Reads the metrics of replicas, as text. One that has none, or does not answer in time, is left out."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit

from lab.core.deployment import Replica
from lab.core.exposition import Scrape

WITHIN_S = 0.5  # all together: a trial's tick waits for it
BYTES_MAX = 16 << 20  # of one answer

_CONTENT_LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)


def scrape(replicas: Sequence[Replica]) -> list[Scrape]:
    """Asks all at once; no event loop may run in the caller's thread."""
    return asyncio.run(scrape_all({replica.id: replica.metrics_url for replica in replicas}, WITHIN_S))


async def scrape_all(urls: Mapping[str, str], within_s: float, series: Sequence[str] = ()) -> list[Scrape]:
    """The same, of replicas by their ids, in an event loop. `series` are the names asked for; all where empty."""
    path = f"/metrics?{urlencode([('name[]', name) for name in series])}" if series else "/metrics"
    found = await asyncio.gather(*(_scrape(replica, url, path, within_s) for replica, url in urls.items()))
    return [one for one in found if one]


async def _scrape(replica: str, url: str, path: str, within_s: float) -> Scrape | None:
    try:
        async with asyncio.timeout(within_s):
            text = _text(await _answer(url, path))
    except (OSError, TimeoutError):
        return None
    return None if text is None else Scrape(replica, time.monotonic(), text)


async def _answer(url: str, path: str) -> bytes:
    """In HTTP/1.0, whose answers end with their connection and are never chunked. OSError when it is too long."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        request = f"GET {path} HTTP/1.0\r\nHost: {address.netloc}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        await reader.readexactly(BYTES_MAX + 1)
    except asyncio.IncompleteReadError as ended:
        return ended.partial
    finally:
        writer.close()
    raise OSError(f"more than {BYTES_MAX} bytes from {url}")


def _text(answer: bytes) -> str | None:
    """The body of a 200 that is there to its end."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = _CONTENT_LENGTH.search(head)
    if head.split()[1:2] != [b"200"] or (length and int(length[1]) != len(body)):
        return None
    return body.decode(errors="replace")
