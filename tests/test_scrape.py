"""Reading replicas' metrics: whatever a replica does, the others are read, in time."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from lab.core.deployment import Replica
from lab.scrape import WITHIN_S, scrape, scrape_all
from tests.ports import HOST, free_url

TEXT = b"up 1\n"
ANSWERS = {
    "good": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + TEXT,
    "without-length": b"HTTP/1.0 200 OK\r\n\r\n" + TEXT,
    "missing": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "cut-short": b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n" + TEXT,
    "no-http": b"hello\r\n",
    "hung-up": b"",
}


@pytest.fixture(scope="module")
def replicas() -> Iterator[list[Replica]]:
    """One for each answer, one that never answers, one that is not there."""
    with ExitStack() as open_until_the_end:

        def listening() -> socket.socket:
            return open_until_the_end.enter_context(socket.create_server((HOST, 0)))

        found = {"silent": url(listening()), "refusing": free_url()}
        for name, answer in ANSWERS.items():
            listener = listening()
            threading.Thread(target=serve, args=(listener, answer), daemon=True).start()
            found[name] = url(listener)
        yield [Replica(name, metrics_url, (), 0.0, 0.0, 0) for name, metrics_url in found.items()]


def url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"


def serve(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(1024)
        connection.sendall(answer)


def test_who_has_no_metrics_is_left_out_in_time(replicas: list[Replica]) -> None:
    begin = time.monotonic()
    found = scrape(replicas)
    end = time.monotonic()
    assert {one.replica: one.text for one in found} == {"good": TEXT.decode(), "without-length": TEXT.decode()}
    assert all(begin <= one.at_s <= end for one in found)
    assert end - begin < 2 * WITHIN_S  # all at once, not one after the other


@pytest.mark.parametrize(("room", "found"), [(0, 1), (-1, 0)], ids=["as long as it may be", "a byte longer"])
def test_an_answer_is_read_up_to_a_length(monkeypatch: pytest.MonkeyPatch, room: int, found: int) -> None:
    answer = ANSWERS["good"]
    monkeypatch.setattr("lab.scrape.BYTES_MAX", len(answer) + room)
    with socket.create_server((HOST, 0)) as listener:
        threading.Thread(target=serve, args=(listener, answer), daemon=True).start()
        assert len(scrape([Replica("long", url(listener), (), 0.0, 0.0, 0)])) == found


def test_only_what_is_asked_for_needs_to_be_answered() -> None:
    asked: list[bytes] = []

    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            asked.append(connection.recv(1024).split()[1])
            connection.sendall(ANSWERS["good"])

    with socket.create_server((HOST, 0)) as listener:
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
        found = asyncio.run(scrape_all({"one": url(listener)}, WITHIN_S, ("up", "process_cpu_seconds_total")))
    assert [one.replica for one in found] == ["one"]
    assert asked == [b"/metrics?name%5B%5D=up&name%5B%5D=process_cpu_seconds_total"]


def test_nobody_to_ask() -> None:
    assert scrape([]) == []
