"""Queues are visible: a server's own latency begins after them, so saturation would not be seen without."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg
import pytest
from serving.backlog import accept_queue_length

from lab.contract.client import Client
from lab.contract.telemetry_metrics import Exposed, has, lacking, read
from lab.core.conventions import ACCEPT, ACTIVE, EXECUTOR, PENDING, QUEUE_LENGTH, QUEUE_TIME, WAIT_TIME, Label, Metric
from lab.core.deployment import Deployment
from lab.core.exposition import BOUND
from lab.core.manifest import Manifest
from lab.core.telemetry import Mode, Telemetry
from lab.runtimes.local import LocalRuntime
from tests import polling
from tests.ports import HOST
from tests.telemetry.traffic import send, traced
from tests.variants.conftest import VARIANTS

AT_ONCE = 60  # requests
CONNECTIONS = 4  # to the database, and so many threads where a thread serves a request
HELD_S = 1.1  # the table, from when all wait for it
SEEN_WITHIN_S = 10.0
LONGEST_WAIT = """
SELECT coalesce(extract(epoch FROM max(clock_timestamp() - query_start)), 0)::float FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
A_SECOND = "1.0"  # a bucket: whatever is not in it took longer

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Seen:
    """Metrics while 60 requests wait for a table, and when they were answered."""

    meanwhile: Exposed
    after: Exposed

    def gauge(self, metric: Metric, label: Label | None = None, value: str = "") -> float | None:
        """None where there is no such series."""
        labels = {label: value} if label else {}
        found = [number for series, number in self.meanwhile.values.items() if has(series, metric.name, labels)]
        return sum(found) if found else None

    def longer_than_a_second(self, metric: Metric) -> float:
        values = self.after.values
        counted = sum(value for series, value in values.items() if series.name == f"{metric.name}_count")
        shorter = sum(
            value
            for series, value in values.items()
            if series.name == f"{metric.name}_bucket" and series.label(BOUND) == A_SECOND
        )
        return counted - shorter


def wait_for_a_table(variant: Manifest, runtime: LocalRuntime) -> Seen:
    """Each statement of the requests waits until the lock on the table is gone."""
    name = f"queueing-{variant.name}"
    database_url = runtime.database(variant, name)
    service = runtime.deploy(
        Deployment(name, variant, "catalog", 1, database_url, CONNECTIONS, telemetry=Telemetry(Mode.METRICS))
    )
    client = Client(service.replicas[0].metrics_url)

    def all_wait() -> bool:
        """Whether they are there: in progress, or in the queue of the threads."""
        exposed = read(client)
        seen = Seen(exposed, exposed)
        there = (seen.gauge(ACTIVE, Label.METHOD, "GET") or 0) + (seen.gauge(QUEUE_LENGTH, Label.QUEUE, EXECUTOR) or 0)
        return there >= AT_ONCE

    requests = [traced("/products") for _ in range(AT_ONCE)]
    with contextlib.closing(client), ThreadPoolExecutor(1) as pool:
        with psycopg.connect(database_url) as holding, psycopg.connect(database_url, autocommit=True) as looking:
            holding.execute("LOCK TABLE product IN ACCESS EXCLUSIVE MODE")
            answers = pool.submit(send, service.url, requests, AT_ONCE)
            polling.until(all_wait, SEEN_WITHIN_S, "all requests wait")
            first_s = polling.until(lambda: longest_wait_s(looking), SEEN_WITHIN_S, "a statement waits for the table")
            enough_s = first_s + HELD_S
            polling.until(lambda: longest_wait_s(looking) > enough_s, SEEN_WITHIN_S, "all have waited long enough")
            meanwhile = read(client)
        assert [answer.status for answer in answers.result()] == [200] * AT_ONCE
        return Seen(meanwhile, read(client))


def longest_wait_s(connection: psycopg.Connection[tuple[float]]) -> float:
    """Of the statements that wait for a lock in the connection's database, by the database's clock; 0 without any."""
    [(waited_s,)] = connection.execute(LONGEST_WAIT)
    return waited_s


@pytest.fixture(scope="module")
def all_seen(runtime: LocalRuntime) -> Iterator[Mapping[str, Seen]]:
    """All variants at once: mostly they wait."""
    with ThreadPoolExecutor(len(VARIANTS)) as pool:
        yield dict(
            zip(VARIANTS, pool.map(lambda each: wait_for_a_table(each, runtime), VARIANTS.values()), strict=True)
        )
        list(pool.map(lambda name: runtime.remove(f"queueing-{name}"), VARIANTS))


@pytest.fixture(params=VARIANTS)
def seen(request: pytest.FixtureRequest, all_seen: Mapping[str, Seen]) -> Seen:
    return all_seen[request.param]


def test_without_traces_nothing_is_told_of_them(seen: Seen) -> None:
    """Beside that, the mode `metrics` tells all that `official` does."""
    assert list(lacking(seen.after, "catalog", traced=False)) == []
    assert [series for series in seen.after.values if series.name.startswith("otel_")] == []


def test_what_waits_is_counted_where_it_waits(seen: Seen) -> None:
    """Threads: as many requests are in progress as there are threads, and the others wait for one. A loop: all are in
    progress, and wait for a connection."""
    in_progress, queued = seen.gauge(ACTIVE, Label.METHOD, "GET"), seen.gauge(QUEUE_LENGTH, Label.QUEUE, EXECUTOR)
    if queued is None:
        assert in_progress == AT_ONCE
        assert seen.gauge(PENDING) == AT_ONCE - CONNECTIONS
    else:
        assert in_progress == CONNECTIONS
        assert queued == AT_ONCE - CONNECTIONS


def test_time_in_the_queue_is_told(seen: Seen) -> None:
    """As seconds, of all but the first ones."""
    has_threads = seen.gauge(QUEUE_LENGTH, Label.QUEUE, EXECUTOR) is not None
    assert seen.longer_than_a_second(QUEUE_TIME if has_threads else WAIT_TIME) == AT_ONCE - CONNECTIONS


def test_the_kernels_queue_is_told(seen: Seen) -> None:
    assert seen.gauge(QUEUE_LENGTH, Label.QUEUE, ACCEPT) == 0


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="only Linux tells")
@pytest.mark.parametrize("number", [0, 1, 5])
def test_connections_that_nobody_accepted(number: int) -> None:
    with socket.create_server((HOST, 0)) as listener, contextlib.ExitStack() as ending:
        for _ in range(number):
            ending.enter_context(socket.create_connection(listener.getsockname()))
        assert accept_queue_length(listener) == number
