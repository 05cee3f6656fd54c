"""The load generator as a process: what it answers, what it keeps, and how it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import psutil
import pytest

from lab.errors import CommandFailed, RuntimeFailure
from lab.load.generator import WorkerGenerator
from lab.workers.loads import Generator
from tests.load.orders import Orders
from tests.load.server import (
    GET_ORDER,
    PING,
    PLACE_ORDER,
    SILENCE,
    Answer,
    Server,
    make_load,
    reply,
)

Serve = Callable[[Answer], Server]

ORDER = '{"id":5,"status":"placed","lines":[],"total":{},"created_at":"","updated_at":""}'


@pytest.fixture(scope="module")
def generator() -> Iterator[Generator]:
    with WorkerGenerator() as running:
        yield running


def children() -> set[psutil.Process]:
    return set(psutil.Process().children())


def test_measures_and_ticks(serve: Serve, generator: Generator) -> None:
    server = serve(lambda seen: reply())
    ticks: list[float] = []

    measured = generator.run(
        make_load(server.url, rate_per_s=50, duration_s=1.2), lambda: ticks.append(time.monotonic())
    )

    assert (measured.scheduled, measured.answered, measured.errors) == (60, 60, {})
    assert measured.duration_s == pytest.approx(1.2, abs=0.2)
    assert sum(measured.requests_by_connection.values()) == 60
    assert 0 < measured.generator_cpu_share < 1
    assert len(ticks) >= 2


def test_streams_and_what_is_beside_come_back_too(serve: Serve, generator: Generator) -> None:
    load = make_load(serve(Orders()).url, duration_s=0.4, streams=3, beside=PING, beside_per_s=50)

    measured = generator.run(load, lambda: None)

    assert measured.streams
    assert (measured.streams.held, measured.streams.events) == (3, 1)
    assert measured.beside
    assert (measured.scheduled, measured.beside.answered) == (40, 20)


def test_an_interrupted_preparation_answers_at_once(serve: Serve, generator: Generator) -> None:
    server = serve(Orders(place=SILENCE))

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generator.run(make_load(server.url, streams=100, timeout_s=30), interrupt)
    start = time.monotonic()
    measured = generator.interrupt()

    assert time.monotonic() - start < 5
    assert (measured.scheduled, measured.duration_s) == (0, 0)


def test_ids_are_kept_for_loads_of_the_same_state(serve: Serve, generator: Generator) -> None:
    """The first request of a load reads an order where one is known from the load before, else it places one."""
    order = reply(ORDER, "201 Created", "Location: /orders/5\r\n")
    server = serve(lambda seen: order if seen.method == "POST" else reply(ORDER))
    mostly_reads = (replace(GET_ORDER, weight=1e6), PLACE_ORDER)

    for state in ("a", "a", "b"):
        load = make_load(server.url, *mostly_reads, rate_per_s=50, duration_s=0.1, state=state)
        assert generator.run(load, lambda: None).errors == {}

    assert [seen.method for seen in server.seen[::5]] == ["POST", "GET", "POST"]


def test_runs_on_the_cpus_it_is_given(serve: Serve) -> None:
    cpu = min(os.sched_getaffinity(0))
    before = children()
    with WorkerGenerator([cpu]) as generator:
        generator.run(make_load(serve(lambda seen: reply()).url, duration_s=0.05), lambda: None)
        assert [child.cpu_affinity() for child in children() - before] == [[cpu]]


def test_unreachable(generator: Generator) -> None:
    with pytest.raises(RuntimeFailure, match=r"cannot connect to http://127\.0\.0\.1:1: Connection refused"):
        generator.run(make_load("http://127.0.0.1:1"), lambda: None)


def test_goes_on_after_an_unreachable_target(serve: Serve, generator: Generator) -> None:
    with pytest.raises(RuntimeFailure):
        generator.run(make_load("http://127.0.0.1:1"), lambda: None)
    assert generator.run(make_load(serve(lambda seen: reply()).url), lambda: None).answered == 20


def test_a_dead_process_is_named(serve: Serve) -> None:
    server = serve(lambda seen: reply())
    before = children()

    def kill() -> None:
        for child in children() - before:
            child.kill()

    with WorkerGenerator() as generator, pytest.raises(CommandFailed, match=r"exit code -9 from: .*lab\.load\.worker"):
        generator.run(make_load(server.url, duration_s=10), kill)


def test_nothing_is_left_after_an_exception(serve: Serve) -> None:
    server = serve(lambda seen: SILENCE)

    def interrupt() -> None:
        raise KeyboardInterrupt

    before = children()
    with pytest.raises(KeyboardInterrupt), WorkerGenerator() as generator:
        generator.run(make_load(server.url, duration_s=30), interrupt)
    assert children() == before


def test_an_interrupted_load_answers_what_it_has(serve: Serve, generator: Generator) -> None:
    server = serve(lambda seen: reply())

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generator.run(make_load(server.url, duration_s=30), interrupt)
    measured = generator.interrupt()

    assert measured.duration_s < 5
    assert 0 < measured.answered == measured.scheduled < 500
    assert measured.errors == {}
