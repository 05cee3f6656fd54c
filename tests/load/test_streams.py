"""Streams that are open while requests are sent: what becomes of them, and when they tell of a change."""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvloop

from lab.core.measurement import Measurement, StreamsSeen
from lab.errors import RuntimeFailure
from lab.load import streams
from lab.load.trial import Trial
from lab.tree import contract_operations
from tests.load.orders import END, EVENT, REFUSED, STREAM, Orders, chunk
from tests.load.server import CLOSED, PING, SILENCE, Answer, Reply, Server, make_load, measure, reply
from tests.polling import until

Serve = Callable[[Answer], Server]

DELAY_TOLERANCE_MS = 40  # for a machine with other work


NO_CHANGES_S = 0.04  # so short that there is time for none


@pytest.fixture(autouse=True)
def _changes_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there are some in a short time."""
    monkeypatch.setattr(streams, "CHANGES_PER_S_MAX", 20)


def measure_streams(url: str, count: int, duration_s: float = 0.2) -> Measurement:
    return measure(make_load(url, rate_per_s=0, duration_s=duration_s, timeout_s=0.2, streams=count))


def seen(url: str, count: int = 3, duration_s: float = 0.2) -> StreamsSeen:
    found = measure_streams(url, count, duration_s).streams
    assert found
    return found


EVENT_WITH_CRLF = EVENT.replace(b"\n", b"\r\n")
COMMENT = chunk(b":\n\n")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nRetry-After: 1\r\n\r\n"
UNAVAILABLE = "503 Service Unavailable"
PROBLEM = "Content-Type: application/problem+json\r\n"

BECOMES = [
    # what each of three streams is answered                                            held refused errors
    ("an event", Reply(STREAM + chunk(EVENT)), 3, 0, {}),
    ("an event after comments", Reply(STREAM + COMMENT + COMMENT + chunk(EVENT)), 3, 0, {}),
    ("an event in parts", Reply(STREAM + chunk(EVENT[:9]) + chunk(EVENT[9:-1]) + chunk(EVENT[-1:])), 3, 0, {}),
    ("lines that end as in HTTP", Reply(STREAM + chunk(EVENT_WITH_CRLF[:-3]) + chunk(EVENT_WITH_CRLF[-3:])), 3, 0, {}),
    ("an event without chunks", Reply(HEAD + b"\r\n" + EVENT), 3, 0, {}),
    ("an interim answer first", Reply(INTERIM + STREAM + chunk(EVENT)), 3, 0, {}),
    ("full", REFUSED, 0, 3, {}),
    ("full, for how long is not said", reply("{}", UNAVAILABLE, PROBLEM), 0, 0, {"status 503": 3}),
    ("full, but no problem document", reply("{}", UNAVAILABLE, "Retry-After: 1\r\n"), 0, 0, {"status 503": 3}),
    ("broken", reply(status="500 Internal Server Error"), 0, 0, {"status 500": 3}),
    ("nothing to tell", reply("", "204 No Content"), 0, 0, {"status 204": 3}),
    ("something else", reply(), 0, 0, {"not a stream of events": 3}),
    ("no HTTP", Reply(b"Hello\r\n\r\n"), 0, 0, {"malformed answer": 3}),
    ("the end at once", Reply(STREAM + END), 0, 0, {"ended early": 3}),
    ("the end after an event", Reply(STREAM + chunk(EVENT) + END), 0, 0, {"ended early": 3}),
    ("closed after an event", Reply(HEAD + b"\r\n" + EVENT, close=True), 0, 0, {"ended early": 3}),
    ("closed in the middle", Reply(STREAM + chunk(EVENT), close=True), 0, 0, {"ended early": 3}),
    ("closed at once", CLOSED, 0, 0, {"connection closed": 3}),
    ("comments only", Reply(STREAM + COMMENT), 0, 0, {"no event in time": 3}),
    ("nothing", SILENCE, 0, 0, {"no event in time": 3}),
]


@pytest.mark.parametrize(("answer", "held", "refused", "errors"), [c[1:] for c in BECOMES], ids=[c[0] for c in BECOMES])
def test_what_becomes_of_a_stream(serve: Serve, answer: Reply, held: int, refused: int, errors: dict[str, int]) -> None:
    found = seen(serve(Orders(stream=answer)).url, 3, NO_CHANGES_S)

    assert (found.wanted, found.held, found.refused, found.errors) == (3, held, refused, errors)


def test_a_server_that_is_full_refuses_the_rest(serve: Serve) -> None:
    found = seen(serve(Orders(room=4)).url, 10, NO_CHANGES_S)

    assert (found.held, found.refused, found.errors) == (4, 6, {})


def test_streams_are_spread_evenly_over_what_they_are_about(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "THINGS_MAX", 4)
    orders = Orders()

    seen(serve(orders).url, 10, NO_CHANGES_S)

    assert sorted(Counter(orders.opened).values()) == [2, 2, 3, 3]


def test_a_change_is_told_on_every_stream_of_its_thing(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two orders of five streams each, told 100 ms after the change."""
    monkeypatch.setattr(streams, "THINGS_MAX", 2)
    orders = Orders(told_after_s=0.1)

    found = seen(serve(orders).url, 10)

    assert (found.held, found.errors, found.events) == (10, {}, 10)
    assert found.event_delay_ms
    assert set(found.event_delay_ms) == {"p50", "p99", "max"}
    assert list(found.event_delay_ms.values()) == pytest.approx([100] * 3, abs=DELAY_TOLERANCE_MS)
    assert sorted(seen.path for seen in orders.moved) == ["/orders/1/transitions", "/orders/2/transitions"]


def test_changes_are_spread_over_the_middle_of_the_schedule(serve: Serve) -> None:
    """The most there may be, 8 in 0.4 s, for ten orders: one each 50 ms."""
    orders = Orders()

    measured = measure_streams(serve(orders).url, 10, duration_s=0.5)

    times = [seen.at for seen in orders.moved]
    assert measured.streams
    assert measured.streams.events == len({seen.path for seen in orders.moved}) == 8
    assert times[-1] - times[0] == pytest.approx(0.35, abs=0.1)


CHANGES = [
    # case                       orders                                                      held errors
    ("refused", Orders(move=reply(status="409 Conflict"), told=b""), 3, {"change: status 409": 3}),
    ("not answered", Orders(move=SILENCE, told=b""), 3, {"change: timeout": 3}),
    ("not told", Orders(told=b""), 3, {"no event in time": 3}),
    ("a comment instead", Orders(told=COMMENT), 3, {"no event in time": 3}),
    ("the end instead", Orders(told=END), 0, {"ended early": 3}),
]


@pytest.mark.parametrize(("orders", "held", "errors"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_change_that_is_not_told(serve: Serve, orders: Orders, held: int, errors: dict[str, int]) -> None:
    found = seen(serve(orders).url)

    assert (found.held, found.errors) == (held, errors)
    assert (found.events, found.event_delay_ms) == (0, None)


def test_nothing_but_streams_is_no_workload(serve: Serve) -> None:
    measured = measure_streams(serve(Orders()).url, 3)

    assert (measured.scheduled, measured.answered, measured.errors, measured.beside) == (0, 0, {}, None)
    assert set(measured.latency_ms.values()) == {0}
    assert measured.requests_by_connection == {}


def test_streams_do_not_disturb_the_requests(serve: Serve) -> None:
    """200 streams, each told something every 2 ms or so: requests leave on time, and only they are counted."""
    orders = Orders(told=(chunk(EVENT) + COMMENT * 20))
    server = serve(orders)

    measured = measure(make_load(server.url, rate_per_s=0, duration_s=0.5, streams=200, beside=PING, beside_per_s=200))

    assert measured.streams
    assert (measured.streams.held, measured.streams.errors) == (200, {})
    assert measured.beside
    assert (measured.beside.answered, measured.beside.errors) == (100, {})
    assert sum(measured.requests_by_connection.values()) == 100
    assert measured.schedule_lag_p99_s < 0.05


def test_slow_requests_do_not_delay_events(serve: Serve) -> None:
    orders = Orders(told_after_s=0.05, ping=reply(after_s=0.25))

    measured = measure(make_load(serve(orders).url, rate_per_s=100, duration_s=0.2, streams=20))

    assert measured.latency_ms["p50"] == pytest.approx(250, abs=60)
    assert measured.streams
    assert measured.streams.event_delay_ms
    assert measured.streams.event_delay_ms["p50"] == pytest.approx(50, abs=DELAY_TOLERANCE_MS)


def test_the_client_closes_what_it_opened(serve: Serve) -> None:
    server = serve(Orders())

    seen(server.url, 20, NO_CHANGES_S)

    until(lambda: server.open == 0, 5, "all connections closed")


def test_requests_wait_for_slow_streams(serve: Serve) -> None:
    server = serve(Orders(stream=Reply(STREAM + chunk(EVENT), after_s=0.2)))

    measured = measure(make_load(server.url, rate_per_s=100, duration_s=0.1, streams=3))

    assert measured.streams
    assert measured.streams.held == 3
    assert measured.latency_ms["max"] < 100
    assert [seen.path for seen in server.seen].index("/ping") == 6


NOT_PREPARED = [
    # case                            an order placed is answered            the reason given
    ("refused", reply('{"detail":"none left"}', "409 Conflict"), r'status 409: \{"detail":"none left"\}'),
    (
        "no Location",
        reply('{"id":1,"status":"","lines":[],"total":{},"created_at":"","updated_at":""}', "201 Created"),
        "a success without Location",
    ),
    ("nothing", SILENCE, "timeout"),
]


@pytest.mark.parametrize(("answer", "reason"), [c[1:] for c in NOT_PREPARED], ids=[c[0] for c in NOT_PREPARED])
def test_what_streams_are_about_cannot_be_made(serve: Serve, answer: Reply, reason: str) -> None:
    server = serve(Orders(place=answer))

    with pytest.raises(RuntimeFailure, match=rf"^cannot prepare streams: POST /orders at {server.url}: {reason}$"):
        seen(server.url)


def test_nothing_listens() -> None:
    with pytest.raises(RuntimeFailure, match=r"cannot connect to http://127\.0\.0\.1:1: Connection refused"):
        seen("http://127.0.0.1:1")


@contextmanager
def open_files(most: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_too_few_open_files_are_allowed(serve: Serve) -> None:
    server = serve(Orders())

    with open_files(1000), pytest.raises(RuntimeFailure, match=r"500 streams need up to 1076 open files, .* have 1000"):
        seen(server.url, 500)


@pytest.mark.parametrize("orders", [Orders(place=SILENCE), Orders(stream=SILENCE)], ids=["preparing", "opening"])
def test_stop_before_the_schedule(serve: Serve, orders: Orders) -> None:
    server = serve(orders)
    trial = Trial(make_load(server.url, duration_s=60, timeout_s=60, streams=100), contract_operations(), {})

    async def stopped() -> Measurement:
        asyncio.get_running_loop().call_later(0.2, trial.stop)
        return await trial.run()

    start = time.monotonic()
    measured = uvloop.run(stopped())

    assert time.monotonic() - start < 2
    assert (measured.scheduled, measured.duration_s) == (0, 0)
    assert measured.generator_cpu_share < 0.5  # closing what was opened is no load
    assert measured.streams
    assert (measured.streams.wanted, measured.streams.held, measured.streams.errors) == (100, 0, {})
    until(lambda: server.open == 0, 5, "all connections closed")
