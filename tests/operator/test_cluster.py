"""Requests to an API whose credentials end, and whose answers are none."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import kopf
import pytest
from aiohttp import web
from scaler.cluster import Cluster, ClusterError

from tests.operator.operating import SOON_S, Loop
from tests.polling import until

AT_ONCE = 10


@dataclass
class Api:
    """Refuses the token `old` once so many requests with it are there; `/slow` takes it, and answers after the others.

    `tokens` are those that were given out, `counted` the status of each request.
    """

    loop: Loop
    url: str = ""
    tokens: list[str] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    runner: web.AppRunner = field(init=False)

    async def start(self) -> None:
        self.refused, self.answered = asyncio.Barrier(AT_ONCE), asyncio.Event()
        app = web.Application()
        app.router.add_get("/slow", self.slow)
        app.router.add_get("/half", self.half)
        app.router.add_get("/quick", self.quick)
        self.runner = web.AppRunner(app, shutdown_timeout=0)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def slow(self, _: web.Request) -> web.Response:
        await self.answered.wait()
        return web.json_response("slow")

    async def half(self, _: web.Request) -> web.Response:
        return web.Response(text='{"kind": ', content_type="application/json")

    async def quick(self, request: web.Request) -> web.Response:
        if request.headers["Authorization"] == "Bearer old":
            await self.refused.wait()
            raise web.HTTPUnauthorized
        return web.json_response("quick")

    def connect(self) -> kopf.ConnectionInfo:
        self.tokens.append("new" if self.tokens else "old")
        return kopf.ConnectionInfo(server=self.url, token=self.tokens[-1])

    def cluster(self) -> Cluster:
        return Cluster(self.connect, lambda method, status: self.counted.append(status))

    @property
    def connections(self) -> int:
        assert self.runner.server
        return len(self.runner.server.connections)


@pytest.fixture
def api() -> Iterator[Api]:
    with ExitStack() as stack:
        api = Api(stack.enter_context(Loop()))
        api.loop.run(api.start())
        stack.callback(lambda: api.loop.run(api.runner.cleanup()))
        yield api


def test_many_requests_that_are_refused_at_once_ask_for_new_credentials_once(api: Api) -> None:
    async def asked(cluster: Cluster) -> list[str]:
        quick = [cluster.get("/quick") for _ in range(AT_ONCE)]
        slow = asyncio.create_task(cluster.get("/slow"))
        answers = await asyncio.gather(*quick)
        api.answered.set()
        return [*answers, await slow]

    cluster = api.cluster()
    assert api.loop.run(asked(cluster)) == ["quick"] * AT_ONCE + ["slow"]
    assert api.tokens == ["old", "new"]
    assert sorted(api.counted) == ["200"] * (AT_ONCE + 1) + ["401"] * AT_ONCE

    api.loop.run(cluster.close())
    until(lambda: api.connections == 0, SOON_S, "no connection is left open")


def nobody() -> kopf.ConnectionInfo:
    raise kopf.LoginError("no credentials")


def nowhere() -> kopf.ConnectionInfo:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return kopf.ConnectionInfo(server=f"http://127.0.0.1:{one.getsockname()[1]}")


def unreadable() -> kopf.ConnectionInfo:
    return kopf.ConnectionInfo(server="https://127.0.0.1", ca_data="no certificate")


FAILURES: list[tuple[str, Callable[[], kopf.ConnectionInfo], str]] = [
    # case                                   what it says
    ("no credentials", nobody, "GET /quick: no credentials"),
    ("nobody listens", nowhere, "GET /quick: Cannot connect"),
    ("a certificate that is none", unreadable, "GET /quick: "),
]


@pytest.mark.parametrize(("connect", "says"), [case[1:] for case in FAILURES], ids=[case[0] for case in FAILURES])
def test_whatever_is_in_the_way_is_an_error_of_the_cluster(
    api: Api, connect: Callable[[], kopf.ConnectionInfo], says: str
) -> None:
    cluster = Cluster(connect, lambda method, status: api.counted.append(status))

    with pytest.raises(ClusterError, match=says):
        api.loop.run(cluster.get("/quick"))

    api.loop.run(cluster.close())
    assert api.counted == [""]


def test_half_of_an_answer_is_an_error_of_the_cluster_and_counted_as_an_answer(api: Api) -> None:
    cluster = api.cluster()

    with pytest.raises(ClusterError, match="GET /half: 200, and its body is no JSON"):
        api.loop.run(cluster.get("/half"))

    api.loop.run(cluster.close())
    assert api.counted == ["200"]
