"""How a stream of events is read from the wire, and which bytes are no such stream."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.contract.client import Client, Request
from lab.contract.streams import Comment, Ended, Event, Stream
from lab.contract.wire import BrokenAnswer, NothingYet
from tests.ports import HOST

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSE = HEAD + b"Connection: close\r\n\r\n"
EVENT = b"id: 7\nevent: status\ndata: {}\n\n"
SEVEN = Event(7, "status", "{}")
SOON_S = 2.0


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


@contextmanager
def answered(*parts: bytes, stays_open: bool = False) -> Iterator[Stream]:
    """What a client has of a server that sends these bytes one after the other."""
    with socket.create_server((HOST, 0)) as listener:
        done = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.recv(65_536)
                for part in parts:
                    connection.sendall(part)
                if stays_open:
                    done.wait(SOON_S)

        server = threading.Thread(target=serve)
        server.start()
        request = Request("streamOrder", "GET", "/orders/1/events")
        with Stream(Client(f"http://{HOST}:{listener.getsockname()[1]}"), request) as stream:
            yield stream
        done.set()
        server.join()


READ = [
    ("a chunk for each event", [CHUNKED, chunks(EVENT, EVENT, b"")], [SEVEN, SEVEN, Ended()]),
    ("an event in many chunks", [CHUNKED, chunks(EVENT[:3], EVENT[3:9], EVENT[9:], b"")], [SEVEN, Ended()]),
    ("several events in a chunk", [CHUNKED, chunks(EVENT + b":\n\n" + EVENT, b"")], [SEVEN, Comment(), SEVEN, Ended()]),
    (
        "a chunk that comes in pieces",
        [CHUNKED, b"1", b"e\r", b"\n", EVENT, b"\r", b"\n", chunks(b"")],
        [SEVEN, Ended()],
    ),
    ("until the connection is closed", [UNTIL_CLOSE, EVENT, EVENT], [SEVEN, SEVEN, Ended()]),
    ("of known length", [HEAD + b"Content-Length: %d\r\n\r\n" % len(EVENT), EVENT], [SEVEN, Ended()]),
    ("lines that end as on Windows", [UNTIL_CLOSE, EVENT.replace(b"\n", b"\r\n")], [SEVEN, Ended()]),
    ("fields in another order", [UNTIL_CLOSE, b"data:{}\n: aside\nid:7\nevent:status\n\n"], [SEVEN, Ended()]),
]
BROKEN = [
    ("no answer", [b""], "closed in the middle"),
    ("no last chunk", [CHUNKED, chunks(EVENT)], "closed in the middle"),
    ("a chunk cut short", [CHUNKED, b"1e\r\n", EVENT[:9]], "closed in the middle"),
    ("a chunk without size", [CHUNKED, EVENT, b"\r\n"], "not HTTP: Invalid character in chunk size"),
    ("a chunk of another size", [CHUNKED, b"3\r\n" + EVENT], "not HTTP: "),
    ("less than the length", [HEAD + b"Content-Length: 99\r\n\r\n", EVENT], "closed in the middle"),
    ("an end in an event", [UNTIL_CLOSE, EVENT[:-1]], "in the middle of an event"),
    ("no id", [UNTIL_CLOSE, b"event: status\ndata: {}\n\n"], "the fields event, data, not id, event, data"),
    (
        "data in two lines",
        [UNTIL_CLOSE, b"id: 7\nevent: status\ndata: {\ndata: }\n\n"],
        "the fields id, event, data, data,",
    ),
    ("another field", [UNTIL_CLOSE, b"retry: 5\n" + EVENT], "the fields retry, id"),
    ("an id that is no number", [UNTIL_CLOSE, EVENT.replace(b"7", b"seven")], "id is 'seven'"),
    ("no UTF-8", [UNTIL_CLOSE, EVENT.replace(b"{}", b"\xff")], "not UTF-8"),
]


@pytest.mark.parametrize(("sent", "found"), [row[1:] for row in READ], ids=[row[0] for row in READ])
def test_events_are_read(sent: list[bytes], found: list[object]) -> None:
    with answered(*sent) as stream:
        assert [stream.next(SOON_S) for _ in found] == found


@pytest.mark.parametrize(("sent", "problem"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_is_no_stream_is_refused(sent: list[bytes], problem: str) -> None:
    with pytest.raises(BrokenAnswer, match=problem), answered(*sent) as stream:
        read_to_the_end(stream)


def read_to_the_end(stream: Stream) -> None:
    while stream.next(SOON_S) != Ended():
        """Whatever comes before."""


def test_a_quiet_stream_can_be_asked_again() -> None:
    with answered(CHUNKED, chunks(EVENT[:5]), stays_open=True) as stream:
        with pytest.raises(NothingYet):
            stream.next(0.05)
        with pytest.raises(NothingYet):
            stream.next(0.05)


def test_another_answer_is_read_as_a_whole() -> None:
    body = b'{"status": 404}'
    with answered(b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)) as stream:
        assert not stream.streams
        assert (stream.answer.status, stream.answer.document) == (404, {"status": 404})
