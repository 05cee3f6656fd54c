"""What replicas tell, asked over HTTP: of servers that answer, and of those that do anything else."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from scaler.exposition import FAMILIES
from scaler.resource import Source
from scaler.scraping import PAGE_BYTES, Fault, Scraped, Scraper
from scaler.targets import Container, Pod

from tests.operator.operating import Loop
from tests.polling import until

DEADLINE_S = 0.3
PAGE = """# TYPE http_server_active_requests gauge
http_server_active_requests 3
http_server_request_duration_seconds_bucket{le="0.25"} 90
http_server_request_duration_seconds_count{http_response_status_code="200"} 100
http_server_request_duration_seconds_sum{http_response_status_code="200"} 4
"""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def pod(name: str, port: int, address: str = "127.0.0.1") -> Pod:
    return Pod(
        uid=f"uid-{name}",
        name=name,
        address=address,
        labels={},
        template="",
        ready=True,
        leaving=False,
        unschedulable=False,
        stuck="",
        containers=(Container({"metrics": port}, None),),
    )


async def page(_: web.Request) -> web.Response:
    return web.Response(text=PAGE, headers={"Content-Type": "text/plain; version=0.0.4"})


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[int]:
    """A server on a port of its own, which gives `handler` all requests."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def scraped(pods: list[Pod], source: Source | None = None, wall: Callable[[], float] = time.time) -> Scraped:
    scraper = Scraper(time.monotonic, wall, DEADLINE_S)
    try:
        return await scraper.samples("shop", pods, source or Source(), latency_s=0.25, since_s=15)
    finally:
        await scraper.close()


def ask(handler: Handler) -> Scraped:
    """One pod, served by `handler`."""

    async def one() -> Scraped:
        async with server(handler) as port:
            return await scraped([pod("a", port)])

    return asyncio.run(one())


def test_a_replica_tells_what_it_does() -> None:
    before = time.monotonic()
    [sample] = ask(page).samples

    assert sample.replica == "uid-a"
    assert (sample.in_flight, sample.completed, sample.slow, sample.service_s) == (3, 100, 10, 4)
    assert before <= sample.at <= time.monotonic()


def test_only_the_families_that_are_read_are_asked_for() -> None:
    asked: list[web.Request] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request)
        return await page(request)

    ask(handler)

    assert asked[0].path == "/metrics"
    assert asked[0].query.getall("name[]") == list(FAMILIES)


async def _slow(_: web.Request) -> web.Response:
    await asyncio.sleep(2 * DEADLINE_S)
    return web.Response()


async def _slow_page(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    await answer.write(PAGE.encode())
    await asyncio.sleep(2 * DEADLINE_S)
    return answer


async def _large(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(PAGE_BYTES // 2**16 + 1):
        await answer.write(b"#" * 2**16)
    return answer


async def _elsewhere(_: web.Request) -> web.Response:
    raise web.HTTPFound("http://127.0.0.1:1/secret")


async def _missing(_: web.Request) -> web.Response:
    raise web.HTTPNotFound


async def _other_page(_: web.Request) -> web.Response:
    return web.Response(text="<html>hello</html>")


FAULTS = [
    # case                          the replica    fault             what is said of it
    ("no answer", _slow, Fault.TIMEOUT, "a: no answer in time"),
    ("half an answer", _slow_page, Fault.TIMEOUT, "a: no answer in time"),
    ("too much", _large, Fault.CONTENT, f"a: more than {PAGE_BYTES} bytes"),
    ("no such page", _missing, Fault.STATUS, "a: 404 Not Found"),
    ("sent elsewhere", _elsewhere, Fault.STATUS, "a: 302 Found"),
    ("another page", _other_page, Fault.CONTENT, "a: its page has no metrics of requests"),
]


@pytest.mark.parametrize(("handler", "fault", "said"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_a_replica_that_tells_nothing_is_told_of(handler: Handler, fault: Fault, said: str) -> None:
    found = ask(handler)

    assert found.samples == ()
    [failure] = found.failures
    assert failure.fault is fault
    assert failure.message.startswith(said)


def test_one_replica_costs_its_own_sample_alone() -> None:
    async def all_of_them() -> tuple[Scraped, float]:
        async with server(page) as good, server(_slow) as bad:
            began = time.monotonic()
            found = await scraped([pod("a", good), pod("b", bad), pod("c", 1), pod("d", bad), pod("e", good)])
            return found, time.monotonic() - began

    found, took_s = asyncio.run(all_of_them())

    assert [sample.replica for sample in found.samples] == ["uid-a", "uid-e"]
    assert [failure.fault for failure in found.failures] == [Fault.TIMEOUT, Fault.CONNECTION, Fault.TIMEOUT]
    assert took_s < 2 * DEADLINE_S  # both slow ones are waited for at the same time


def test_a_port_that_no_container_has_is_told_by_its_name() -> None:
    found = asyncio.run(scraped([pod("a", 1)], Source(port="stats")))

    assert [failure.message for failure in found.failures] == ["a: no container port is named stats"]


def test_connections_are_used_again() -> None:
    peers: set[Any] = set()

    async def handler(request: web.Request) -> web.Response:
        assert request.transport
        peers.add(request.transport.get_extra_info("peername"))
        return await page(request)

    async def thrice() -> None:
        async with server(handler) as port:
            scraper = Scraper(time.monotonic, time.time)
            for _ in range(3):
                await scraper.samples("shop", [pod("a", port)], Source(), 0.25, 15)
            await scraper.close()

    asyncio.run(thrice())

    assert len(peers) == 1


def series(pod_name: str, name: str, values: list[tuple[float, str]], **labels: str) -> dict[str, Any]:
    return {"metric": {"__name__": name, "namespace": "shop", "pod": pod_name, **labels}, "values": values}


def told(pod_name: str, at: float, completed: str = "100") -> list[dict[str, Any]]:
    count = "http_server_request_duration_seconds_count"
    return [
        series(pod_name, "http_server_active_requests", [(at - 5, "1"), (at, "3")]),
        series(pod_name, count, [(at - 5, "50"), (at, completed)], http_response_status_code="200"),
        series(pod_name, count, [(at - 5, "7")], http_response_status_code="500"),
    ]


def ask_prometheus(result: list[dict[str, Any]], wall: float, queries: list[Mapping[str, Any]]) -> Scraped:
    async def handler(request: web.Request) -> web.Response:
        queries.append(dict(await request.post()))
        return web.json_response({"status": "success", "data": {"resultType": "matrix", "result": result}})

    async def one() -> Scraped:
        async with server(handler) as port:
            source = Source(prometheus=f"http://127.0.0.1:{port}")
            return await scraped([pod("a", 1), pod("b.c", 1)], source, wall=lambda: wall)

    return asyncio.run(one())


def test_prometheus_is_asked_for_all_replicas_at_once() -> None:
    queries: list[Mapping[str, Any]] = []
    found = ask_prometheus([*told("a", 997.0), *told("b.c", 998.0)], 1000.0, queries)

    assert [sample.replica for sample in found.samples] == ["uid-a", "uid-b.c"]
    assert len(queries) == 1
    assert str(queries[0]["query"]).endswith('",namespace="shop",pod=~"a|b[.]c"}[15s]')


def test_a_sample_of_prometheus_is_as_old_as_its_scrape() -> None:
    sample, _ = ask_prometheus([*told("a", 997.0), *told("b.c", 998.0)], 1000.0, []).samples

    assert time.monotonic() - sample.at == pytest.approx(3, abs=1)


def test_a_series_that_the_last_scrape_had_not_is_not_told() -> None:
    sample, _ = ask_prometheus([*told("a", 997.0), *told("b.c", 998.0)], 1000.0, []).samples

    assert (sample.in_flight, sample.completed, sample.failed) == (3, 100, 0)


def test_a_replica_that_prometheus_does_not_know_is_told_of() -> None:
    found = ask_prometheus(told("a", 997.0), 1000.0, [])

    assert [failure.message for failure in found.failures] == ["b.c: Prometheus has no metrics of its requests"]


def test_a_prometheus_that_is_none_is_told_of() -> None:
    async def one() -> Scraped:
        async with server(page) as port:
            return await scraped([pod("a", 1)], Source(prometheus=f"http://127.0.0.1:{port}"))

    [failure] = asyncio.run(one()).failures

    assert failure.message.endswith("its answer is none of Prometheus' API")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("prometheus"), reason="needs prometheus on PATH")
def test_a_real_prometheus_tells_when_it_scraped(tmp_path: Path) -> None:
    with socket.socket() as one, Loop() as loop:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
        one.close()
        replica = server(page)
        job = f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: pods
    static_configs: [{{targets: ["127.0.0.1:{loop.run(replica.__aenter__())}"], labels: {{namespace: shop, pod: a}}}}]
"""
        (tmp_path / "prometheus.yml").write_text(job)
        options = [f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
        command = ["prometheus", *options, f"--web.listen-address={address}"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            source = Source(prometheus=f"http://{address}")
            [sample] = until(lambda: loop.run(scraped([pod("a", 1)], source)).samples, 30, "it has scraped the pod")
            age_s = time.monotonic() - sample.at
        finally:
            process.kill()
            process.wait()
            loop.run(replica.__aexit__(None, None, None))

    assert (sample.replica, sample.in_flight, sample.completed, sample.slow) == ("uid-a", 3, 100, 10)
    assert 0 <= age_s < 5
