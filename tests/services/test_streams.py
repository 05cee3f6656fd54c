"""Streams of a server with a thread for each request: room, waking, ending."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from serving.streams import Full, Streams, Woken

SOON_S = 5.0
AT_ONCE_S = 0.0
AGO_S = -1.0


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's end and the client's."""
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


@pytest.fixture
def server(connection: tuple[socket.socket, socket.socket]) -> socket.socket:
    return connection[0]


@pytest.mark.parametrize(("threads", "most"), [(1, 0), (2, 0), (3, 1), (4, 2), (32, 30)])
def test_two_threads_are_kept_for_other_requests(threads: int, most: int) -> None:
    assert Streams(threads).most == most


def test_there_is_room_again_once_a_stream_is_closed(server: socket.socket) -> None:
    streams = Streams(3)
    with streams.open(1, server), pytest.raises(Full, match="1 streams are open"):
        streams.open(2, server)
    with streams.open(2, server):
        pass


def test_a_stream_is_woken_by_its_topic_only(server: socket.socket) -> None:
    streams = Streams(4)
    with streams.open(1, server) as one, streams.open(2, server) as other:
        streams.wake(1)
        assert (one.wait(SOON_S), other.wait(AT_ONCE_S)) == (Woken.CHANGED, Woken.QUIET)
        assert one.wait(AT_ONCE_S) is Woken.QUIET


def test_a_time_in_the_past_is_not_waited_for(server: socket.socket) -> None:
    with Streams(4).open(1, server) as stream:
        assert stream.wait(AGO_S) is Woken.QUIET


def test_what_happens_before_it_waits_is_not_lost(server: socket.socket) -> None:
    streams = Streams(4)
    with streams.open(1, server) as stream:
        for _ in range(100_000):  # more than the pair of sockets holds
            streams.wake(1)
        assert stream.wait(SOON_S) is Woken.CHANGED


def test_it_is_over_when_the_client_goes(connection: tuple[socket.socket, socket.socket]) -> None:
    server, client = connection
    with Streams(4).open(1, server) as stream:
        threading.Timer(0.05, client.close).start()
        assert stream.wait(SOON_S) is Woken.OVER


def test_it_is_over_when_all_are_ended(server: socket.socket) -> None:
    streams = Streams(4)
    with streams.open(1, server) as stream:
        threading.Timer(0.05, streams.end_open).start()
        assert stream.wait(SOON_S) is Woken.OVER
    with streams.open(1, server) as next_one:
        assert next_one.wait(AT_ONCE_S) is Woken.QUIET


def test_after_the_end_none_lasts(server: socket.socket) -> None:
    streams = Streams(4)
    streams.end()
    with streams.open(1, server) as stream:
        assert stream.wait(SOON_S) is Woken.OVER


def test_closing_twice_does_nothing(server: socket.socket) -> None:
    streams = Streams(4)
    stream = streams.open(1, server)
    stream.close()
    stream.close()
    streams.wake(1)
