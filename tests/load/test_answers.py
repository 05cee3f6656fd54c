"""Which answers count as right, and what the others are called."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.core.scenario import Request
from lab.load.requests import PARSED_FIRST, PARSED_THEN_EVERY
from tests.load.server import PING, SILENCE, Answer, Reply, Server, make_load, measure, reply

Serve = Callable[[Answer], Server]

DELETE = Request("deleteProduct", 1, {"product_id": 7}, {}, {}, None)
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"status\r\n7\r\n":"ok"}\r\n0\r\n\r\n'

CASES = [
    # case                          request  answer -> error
    ("right", PING, reply(), None),
    ("right with a newline", PING, reply('{"status":"ok"}\n'), None),
    ("right in chunks", PING, Reply(CHUNKED), None),
    ("right after an interim answer", PING, Reply(b"HTTP/1.1 103 Early Hints\r\n\r\n" + reply().data), None),
    ("right without a body", DELETE, reply("", "204 No Content"), None),
    ("another success", PING, reply(status="201 Created"), "status 201"),
    ("a body where none belongs", DELETE, reply(status="200 OK"), "status 200"),
    ("refused", PING, reply(status="404 Not Found"), "status 404"),
    ("broken", PING, reply(status="500 Internal Server Error"), "status 500"),
    ("empty", PING, reply(""), "wrong body"),
    ("not JSON", PING, reply("{status}"), "wrong body"),
    ("a member is missing", PING, reply("{}"), "wrong body"),
    ("not an object", PING, reply("[]"), "wrong body"),
    ("not HTTP", PING, Reply(b"Hello\r\n\r\n"), "malformed answer"),
    ("cut off", PING, Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", close=True), "connection closed"),
    ("none", PING, SILENCE, "timeout"),
]


@pytest.mark.parametrize(("request_", "answer", "error"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_answer(serve: Serve, request_: Request, answer: Reply, error: str | None) -> None:
    server = serve(lambda seen: answer)

    measured = measure(make_load(server.url, request_, rate_per_s=40, duration_s=0.1, timeout_s=0.2))

    assert measured.errors == ({error: 4} if error else {})
    assert measured.answered == (0 if error else 4)


def test_later_bodies_are_parsed_now_and_then(serve: Serve) -> None:
    """A body that only parsing shows to be wrong, from the first that is not always parsed."""
    server = Server()
    server = serve(lambda seen: reply() if len(server.seen) <= PARSED_FIRST else reply('{"x":1}'))

    measured = measure(make_load(server.url, rate_per_s=1000, duration_s=0.2))

    assert measured.errors == {"wrong body": 200 // PARSED_THEN_EVERY}


def test_later_bodies_are_all_looked_at(serve: Serve) -> None:
    server = Server()
    server = serve(lambda seen: reply() if len(server.seen) <= PARSED_FIRST else reply("<html>"))

    measured = measure(make_load(server.url, rate_per_s=1000, duration_s=0.2))

    assert measured.errors == {"wrong body": 180}
