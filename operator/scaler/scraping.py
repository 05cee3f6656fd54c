"""What replicas tell: asked of each of them directly, or of the Prometheus that scrapes them.

A replica that doesn't answer costs its own sample alone: nothing is raised, and what went wrong is told beside the
samples. All answers are there, or given up, well within the time of a tick.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from scaler.exposition import FAMILIES, Line, sample, told
from scaler.resource import Source
from scaler.samples import Sample
from scaler.targets import Pod

DEADLINE_S = 2.0
PAGE_BYTES = 2**20  # a whole page of the lab's services has 90 KB, the families that are read have 5
ANSWER_BYTES = 2**24
AT_ONCE = 256
OK = 200
IDLE_S = 15.0  # longer than a tick, so that a connection is used again

_ASKED = urlencode([("name[]", name) for name in FAMILIES])
_NAMES = "|".join(FAMILIES)


class Fault(StrEnum):
    """Why a replica told nothing: a label of the metrics."""

    NO_PORT = "no_port"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    STATUS = "status"
    CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Failure:
    """`message` names the replica, or Prometheus, and what it did."""

    fault: Fault
    message: str


@dataclass(frozen=True, slots=True)
class Scraped:
    samples: tuple[Sample, ...] = ()
    failures: tuple[Failure, ...] = ()


class _RefusedError(Exception):
    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


class Scraper:
    """Made within a running loop. `clock` is that of the decisions, `wall` the time of day, which Prometheus goes by.

    `deadline_s` is for each answer.
    """

    def __init__(self, clock: Callable[[], float], wall: Callable[[], float], deadline_s: float = DEADLINE_S) -> None:
        self._clock = clock
        self._wall = wall
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=AT_ONCE, keepalive_timeout=IDLE_S),
            timeout=aiohttp.ClientTimeout(total=deadline_s),
            headers={"Accept": "text/plain; version=0.0.4", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        await self._session.close()

    async def samples(
        self, namespace: str, pods: Sequence[Pod], source: Source, latency_s: float, since_s: float
    ) -> Scraped:
        """`latency_s` is the objective's; of Prometheus, what is older than `since_s` seconds is not asked for."""
        if not pods:
            return Scraped()
        if source.prometheus:
            return await self._prometheus(source.prometheus, namespace, pods, latency_s, since_s)
        found = await asyncio.gather(*(self._pod(pod, source, latency_s) for pod in pods))
        return Scraped(
            tuple(one for one in found if isinstance(one, Sample)),
            tuple(one for one in found if isinstance(one, Failure)),
        )

    async def _pod(self, pod: Pod, source: Source, latency_s: float) -> Sample | Failure:
        port = pod.port(source.port)
        if port is None:
            return Failure(Fault.NO_PORT, f"{pod.name}: no container port is named {source.port}")
        host = f"[{pod.address}]" if ":" in pod.address else pod.address
        url = f"http://{host}:{port}{source.path}{'&' if '?' in source.path else '?'}{_ASKED}"
        try:
            text = await self._text("GET", url, None, PAGE_BYTES)
            found = sample(pod.uid, self._clock(), text, latency_s)
        except _RefusedError as error:
            return Failure(error.fault, f"{pod.name}: {error}")
        if found is None:
            return Failure(Fault.CONTENT, f"{pod.name}: its page has no metrics of requests")
        return found

    async def _prometheus(
        self, address: str, namespace: str, pods: Sequence[Pod], latency_s: float, since_s: float
    ) -> Scraped:
        """The samples with the times at which Prometheus took them: a selector of a range, at one instant."""
        names = "|".join(sorted(pod.name.replace(".", "[.]") for pod in pods))
        query = f'{{__name__=~"{_NAMES}",namespace="{namespace}",pod=~"{names}"}}[{max(1, round(since_s))}s]'
        try:
            text = await self._text("POST", f"{address}/api/v1/query", {"query": query}, ANSWER_BYTES)
            lines = _lines(text)
        except _RefusedError as error:
            return Scraped(failures=(Failure(error.fault, f"Prometheus at {address}: {error}"),))
        ahead_s = self._wall() - self._clock()
        found: list[Sample] = []
        failures: list[Failure] = []
        for pod in pods:
            at, latest = _latest(lines.get(pod.name, ()))
            one = told(pod.uid, at - ahead_s, latest, latency_s)
            if one is None:
                failures.append(Failure(Fault.CONTENT, f"{pod.name}: Prometheus has no metrics of its requests"))
            else:
                found.append(one)
        return Scraped(tuple(found), tuple(failures))

    async def _text(self, method: str, url: str, form: Mapping[str, str] | None, most: int) -> str:
        try:
            async with self._session.request(
                method, URL(url, encoded=True), data=form, allow_redirects=False
            ) as answer:
                if answer.status != OK:
                    raise _RefusedError(Fault.STATUS, f"{answer.status} {answer.reason}")
                content = bytearray()
                async for chunk in answer.content.iter_any():
                    content += chunk
                    if len(content) > most:
                        raise _RefusedError(Fault.CONTENT, f"more than {most} bytes")
                return content.decode("utf-8", "replace")
        except TimeoutError as error:
            raise _RefusedError(Fault.TIMEOUT, "no answer in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _RefusedError(Fault.CONNECTION, str(error) or type(error).__name__) from error


def _lines(text: str) -> dict[str, list[tuple[float, Line]]]:
    """By pod: when Prometheus took each value last, and what it was."""
    try:
        answer = json.loads(text)
        found: dict[str, list[tuple[float, Line]]] = {}
        for series in answer["data"]["result"]:
            labels = series["metric"]
            at, value = series["values"][-1]
            found.setdefault(labels["pod"], []).append((float(at), (labels["__name__"], labels, float(value))))
        return found
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise _RefusedError(Fault.CONTENT, "its answer is none of Prometheus' API") from error


def _latest(lines: Iterable[tuple[float, Any]]) -> tuple[float, list[Line]]:
    """The values of the last scrape: a series that was not in it is no longer told."""
    known = list(lines)
    last = max((at for at, _ in known), default=0.0)
    return last, [line for at, line in known if at == last]
