"""`python -m scaler`: the operator, until it is told to end. Its log is a JSON object a line, on standard error."""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial

import kopf
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, GCCollector, ProcessCollector, generate_latest

from scaler.cluster import Cluster, connection
from scaler.handlers import PEERING, operator_registry, operator_settings
from scaler.metrics import Metrics
from scaler.scraping import Scraper
from scaler.ticking import Ticker

PORT = 8080
PRIORITIES = 2**31  # of two operators at a time one goes on, since they draw different ones

Arguments = argparse.Namespace


def arguments(words: Sequence[str] | None = None) -> Arguments:
    parser = argparse.ArgumentParser(prog="python -m scaler", description="Sizes what HTTPAutoscalers name, by demand.")
    parser.add_argument(
        "--namespace", action="append", default=[], help="look after this namespace only; may be given again"
    )
    parser.add_argument(
        "--standalone", action="store_true", help="for a try: don't look whether another operator is at work"
    )
    parser.add_argument("--port", type=int, default=PORT, help="of /healthz and /metrics (default: %(default)s)")
    return parser.parse_args(words)


async def run(given: Arguments) -> None:
    """kopf.LoginError where no cluster is named."""
    settings = operator_settings()
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    metrics = Metrics(registry, time.monotonic)
    connect = partial(connection, settings)
    connect()  # without credentials nothing is begun
    async with AsyncExitStack() as stack:
        cluster = Cluster(connect, metrics.requested)
        stack.push_async_callback(cluster.close)
        scraper = Scraper(time.monotonic, time.time)
        stack.push_async_callback(scraper.close)
        stack.push_async_callback((await _serving(given.port, registry, metrics)).cleanup)
        ticker = Ticker(cluster, scraper, metrics, time.monotonic, partial(datetime.now, UTC))
        await kopf.operator(
            registry=operator_registry(connect, cluster, ticker, given.namespace, peering=not given.standalone),
            settings=settings,
            clusterwide=not given.namespace,
            namespaces=given.namespace,
            **({"standalone": True} if given.standalone else _peering()),
        )


def main() -> None:
    kopf.configure(log_format=kopf.LogFormat.JSON)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    try:
        asyncio.run(run(arguments()))
    except kopf.LoginError as error:
        sys.exit(f"no cluster: {error}")


def _peering() -> dict[str, object]:
    return {"peering_name": PEERING, "priority": random.randrange(PRIORITIES)}  # noqa: S311


async def _serving(port: int, registry: CollectorRegistry, metrics: Metrics) -> web.AppRunner:
    async def health(_: web.Request) -> web.Response:
        text = f"the resource that waits longest had its last tick {metrics.age_s():.1f} s ago\n"
        return web.Response(text=text, status=200 if metrics.healthy else 503)

    async def exposition(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", health), web.get("/metrics", exposition)])
    runner = web.AppRunner(app, handle_signals=False, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner


if __name__ == "__main__":
    main()
