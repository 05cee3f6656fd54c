"""Several load workers share a load: together they are as one, but for how much they can send."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import psutil
import pytest

from lab.core.measurement import Second
from lab.core.schedule import Step, stepped
from lab.errors import CommandFailed, RuntimeFailure
from lab.load.requests import plan
from lab.ports import Load
from lab.tree import contract_operations
from lab.workers import loads, wire
from lab.workers.lines import Lines
from lab.workers.loads import Generator, Progress, shares
from tests.load.orders import Orders
from tests.load.server import PING, SILENCE, Answer, Reply, Seen, Server, make_load, reply
from tests.polling import until

Serve = Callable[[Answer], Server]

WORKER = [sys.executable, "-m", "lab.load.worker"]


@contextmanager
def workers(count: int, *options: str) -> Iterator[list[Lines]]:
    started = [Lines([*WORKER, *options]) for _ in range(count)]
    try:
        for lines in started:
            lines.greet()
        yield started
    finally:
        for lines in started:
            lines.kill()


@pytest.fixture(scope="module")
def three() -> Iterator[Generator]:
    with workers(3) as started:
        yield Generator(started)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loads, "START_IN_S", 0.3)


def quiet() -> None: ...


def test_together_they_plan_what_one_would() -> None:
    load = make_load("http://127.0.0.1:1", rate_per_s=50, duration_s=1, beside=PING, beside_per_s=20)

    def times(load: Load) -> list[tuple[float, bool]]:
        return [(exchange.due, exchange.beside) for exchange in plan(load, contract_operations(), {}).exchanges]

    parts = [times(share) for share in shares(load, 3)]

    assert sorted(one for part in parts for one in part) == sorted(times(load))
    assert [len(part) for part in parts] == [17 + 7, 17 + 7, 16 + 6]


def test_one_alone_has_the_whole_load() -> None:
    load = make_load("http://127.0.0.1:1", streams=5)
    assert shares(load, 1) == [load]


def test_streams_are_spread_evenly_and_random_values_differ() -> None:
    parts = shares(make_load("http://127.0.0.1:1", streams=5, seed=7), 3)

    assert [part.streams for part in parts] == [2, 2, 1]
    assert parts[0].seed == 7
    assert len({part.seed for part in parts}) == 3


def test_a_share_is_the_same_after_the_wire() -> None:
    for part in shares(make_load("http://127.0.0.1:1", streams=5), 3):
        assert wire.load_from(json.loads(json.dumps(wire.load_document(part)))) == part


def test_a_load_that_changes_is_shared_and_sent_as_one() -> None:
    load = replace(make_load("http://127.0.0.1:1", rate_per_s=20, duration_s=1), steps=(Step(10, 0.5), Step(30, 0.5)))
    parts = [wire.load_from(json.loads(json.dumps(wire.load_document(share)))) for share in shares(load, 3)]

    times = [[exchange.due for exchange in plan(part, contract_operations(), {}).exchanges] for part in parts]

    assert parts == shares(load, 3)
    assert sorted(due for part in times for due in part) == stepped(load.steps)
    assert load.peak_per_s == 30


def test_they_send_on_one_schedule(serve: Serve, three: Generator) -> None:
    server = serve(lambda seen: reply())

    measured = three.run(make_load(server.url, rate_per_s=30, duration_s=1.2), quiet)

    arrived = [seen.at for seen in server.seen]
    assert (measured.scheduled, measured.answered, measured.errors, measured.rate_per_s) == (36, 36, {}, 30)
    assert [at - arrived[0] for at in arrived] == pytest.approx([number / 30 for number in range(36)], abs=0.15)
    assert measured.seconds == (Second(30, 0, measured.seconds[0].slow), Second(6, 0, measured.seconds[1].slow))
    assert {port // 65_536 for port in measured.requests_by_connection} == {0, 1, 2}
    assert sum(measured.requests_by_connection.values()) == 36
    assert three.progress.completed == 36


def test_streams_of_all_are_told(serve: Serve, three: Generator) -> None:
    measured = three.run(make_load(serve(Orders()).url, rate_per_s=0, duration_s=1.0, streams=7), quiet)

    assert measured.streams
    assert (measured.streams.wanted, measured.streams.held, measured.streams.errors) == (7, 7, {})
    assert measured.streams.events == 3  # a change by each, in the time that there is


def test_who_hears_too_late_of_the_start_says_how_late(
    serve: Serve, three: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loads, "START_IN_S", -2.0)
    load = make_load(serve(lambda seen: reply()).url)

    with pytest.raises(RuntimeFailure, match=r"^load worker [012] heard of the common start 2\.\d+ s after it; "):
        three.run(load, quiet)

    monkeypatch.setattr(loads, "START_IN_S", 0.3)
    assert three.run(load, quiet).answered == 20


def test_what_one_can_not_do_ends_the_load_of_all(serve: Serve, three: Generator) -> None:
    with pytest.raises(RuntimeFailure, match=r"cannot connect to http://127\.0\.0\.1:1: Connection refused"):
        three.run(make_load("http://127.0.0.1:1", duration_s=30), quiet)
    assert three.run(make_load(serve(lambda seen: reply()).url), quiet).answered == 20


def test_an_abandoned_load_is_not_taken_for_the_next(serve: Serve, three: Generator) -> None:
    def fail() -> None:
        raise RuntimeFailure("a tick that fails")

    with pytest.raises(RuntimeFailure, match="a tick that fails"):
        three.run(make_load(serve(lambda seen: reply()).url, duration_s=30), fail)
    assert three.run(make_load(serve(lambda seen: reply()).url), quiet).scheduled == 20


def test_an_interrupted_load_tells_what_all_have(serve: Serve, three: Generator) -> None:
    def interrupt() -> None:
        if three.progress.completed:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        three.run(make_load(serve(lambda seen: reply()).url, duration_s=30), interrupt)
    measured = three.interrupt()

    assert 0 < measured.answered == measured.scheduled < 500
    assert measured.duration_s < 10


def test_one_that_dies_is_told(serve: Serve) -> None:
    before = set(psutil.Process().children())
    load = make_load(serve(lambda seen: reply()).url, duration_s=10)
    with workers(2) as started:
        victim = (set(psutil.Process().children()) - before).pop()
        with pytest.raises(CommandFailed, match=r"exit code -9 from: .*lab\.load\.worker"):
            Generator(started).run(load, victim.kill)


def test_one_that_says_nothing_is_told(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loads, "SILENT_MAX_S", 0.0)
    silent = Lines([sys.executable, "-c", "import sys; sys.stdin.read()"])
    with pytest.raises(RuntimeFailure, match=r"load worker 0 has said nothing for 0 s"):
        Generator([silent]).run(make_load("http://127.0.0.1:1"), quiet)
    silent.kill()


def test_progress_is_told_while_a_load_runs(serve: Serve, three: Generator) -> None:
    def answer(seen: Seen) -> Reply:
        return reply(status="500 Internal Server Error") if len(server.seen) % 2 else SILENCE

    server = serve(answer)
    told: list[Progress] = []

    measured = three.run(
        make_load(server.url, rate_per_s=40, duration_s=1.5, timeout_s=1.0), lambda: told.append(three.progress)
    )

    assert any(0 < until_now.completed < until_now.offered for until_now in told)
    assert three.progress == Progress(60, 60, 60)
    assert sum(measured.errors.values()) == 60
    assert [(second.scheduled, second.failed, second.slow) for second in measured.seconds] == [(40, 40, 0), (20, 20, 0)]


@pytest.mark.parametrize("working", [False, True], ids=["idle", "while a load runs"])
def test_the_end_of_its_input_ends_a_worker_well(serve: Serve, working: bool) -> None:
    server = serve(lambda seen: reply())
    with subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        if working:
            load = make_load(server.url, duration_s=60)
            process.stdin.write(json.dumps({"load": wire.load_document(load)}).encode() + b"\n")
            process.stdin.flush()
            until(lambda: server.seen, 10, "requests arrive")
        _, stderr = process.communicate(timeout=5)
    assert (process.returncode, stderr) == (0, b"")
