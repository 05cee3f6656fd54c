"""Streams of an order's states: what they tell, when they end, where they resume, and how many there may be."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from lab.contract.cases.case import Case, Lane, case
from lab.contract.client import Client, NoAnswer, Request
from lab.contract.document import Contract
from lab.contract.probe import STATUS_OF, Abandoned, Probe, described
from lab.contract.streams import Comment, Ended, Event, Stream
from lab.contract.wire import BrokenAnswer, NothingYet

_MISSING_ID = _BEYOND_ALL = 2**63 - 1
_TOLD_WITHIN_S = 2.0
_ROOM_WITHIN_S = 2.0
_RETRY_S = 0.02
_AT_ONCE_S = 1.0  # what a busy machine takes for a small answer
_QUIET_S = 0.3  # how long nothing is waited for where nothing must come
HEARTBEAT_S = (13.0, 17.0)  # 15 s, and a margin for clocks and scheduling
_IN_TURN = 40
_TOGETHER = 30
_WRONG_IDS = ("abc", "0", "-1", "1.5", "1e1", "true", "9223372036854775808")
_BOTH = frozenset({("path", "order_id"), ("header", "Last-Event-ID")})
_HEADER = frozenset({("header", "Last-Event-ID")})


def cases(contract: Contract, role: str) -> Iterable[Case]:
    if role != "orders":
        return
    yield case("a quiet stream has a comment after 15 s", "streamOrder placeOrder moveOrder", _heartbeat, Lane.WAITING)
    moved = "streamOrder placeOrder moveOrder"
    yield case("the states so far are told at once", moved, _so_far)
    yield case("a move is told on an open stream", moved, _told)
    yield case("Last-Event-ID resumes after it", moved, _resumes)
    yield case("nothing left to tell is 204", moved, _nothing_left)
    yield case("an order that does not exist is 404", "streamOrder", _missing)
    yield case("a Last-Event-ID that is none is named", "streamOrder", _wrong_ids)
    yield case("HEAD waits for nothing", moved, _head)
    yield case("a closed stream makes room at once", "streamOrder placeOrder", _makes_room)
    yield case("beyond its room a service refuses streams, and nothing else", moved, _beyond_room, Lane.ALONE)


def _request(probe: Probe, order_id: object, last: object = None) -> Request:
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    return probe.setting.request("streamOrder", path={"order_id": order_id}, headers=headers)


class _Followed:
    """An open stream, whose events are judged as they come."""

    def __init__(self, probe: Probe, stream: Stream, after: int = 0) -> None:
        self.probe = probe
        self.stream = stream
        self.last = after  # the last event that the client knows

    def tells(self, *statuses: str) -> None:
        """These come next, each in time."""
        for status in statuses:
            told = self.event()
            self.probe.require(told == status, self.stream.answer, f"an event of {status}", f"one of {told}")

    def event(self) -> str:
        """The status that the next event tells."""
        found = self.next("an event", _TOLD_WITHIN_S)
        while isinstance(found, Comment):
            found = self.next("an event", _TOLD_WITHIN_S)
        answer = self.stream.answer
        self.probe.require(isinstance(found, Event), answer, "an event", "the end of the stream")
        assert isinstance(found, Event)
        self.probe.expect(found.id > self.last, answer, f"an event with an id above {self.last}", f"id {found.id}")
        self.probe.expect(found.name == "status", answer, "event: status", f"event: {found.name}")
        self.last = found.id
        try:
            data = json.loads(found.data)
        except ValueError:
            data = None
        breaches = self.probe.setting.contract.event_breaches(data)
        self.probe.require(not breaches, answer, "data that is an OrderEvent", f"{found.data!r}: {breaches}")
        return str(data["status"])

    def ends(self) -> None:
        found = self.next("the end of the stream", _TOLD_WITHIN_S)
        self.probe.require(isinstance(found, Ended), self.stream.answer, "the end of the stream", found)

    def is_quiet(self) -> None:
        """Nothing is told now, and the stream stays open."""
        found: object = None
        try:
            found = self.stream.next(_QUIET_S)
        except NothingYet:
            return
        except BrokenAnswer as error:
            found = error
        quiet = isinstance(found, Comment)
        self.probe.require(quiet, self.stream.answer, "an open stream on which nothing is told", found)

    def next(self, expected: str, within_s: float) -> Event | Comment | Ended:
        try:
            return self.stream.next(within_s)
        except BrokenAnswer as error:
            self.probe.require(False, self.stream.answer, f"{expected} within {within_s:g} s", error)
            raise Abandoned from error


@contextmanager
def _followed(probe: Probe, order_id: int, last: int | None = None) -> Iterator[_Followed]:
    with _opened(probe, _request(probe, order_id, last)) as stream:
        if not probe.conforms(stream.answer, 200):
            raise Abandoned
        yield _Followed(probe, stream, last or 0)


@contextmanager
def _opened(probe: Probe, request: Request) -> Iterator[Stream]:
    """Others may have the room for a moment, but no longer."""
    give_up = time.monotonic() + _ROOM_WITHIN_S
    while True:
        try:
            stream = Stream(Client(probe.setting.url), request)
        except (NoAnswer, BrokenAnswer) as error:
            probe.violation(request, "an answer", str(error))
            raise Abandoned from error
        with stream:
            if stream.answer.status != STATUS_OF["too-many-streams"] or time.monotonic() > give_up:
                yield stream
                return
        time.sleep(_RETRY_S)


def _order(probe: Probe, *moves: str) -> int:
    """The id of an order that was moved through these states."""
    order_id = int(probe.placed()["id"])
    for to in moves:
        probe.succeed(probe.move(order_id, to))
    return order_id


def _so_far(probe: Probe) -> None:
    for moves in ((), ("confirmed",), ("confirmed", "shipped"), ("cancelled",), ("confirmed", "cancelled")):
        with probe.about(" → ".join(("placed", *moves))), _followed(probe, _order(probe, *moves)) as followed:
            followed.tells("placed", *moves)
            if {"shipped", "cancelled"} & {*moves}:
                followed.ends()


def _told(probe: Probe) -> None:
    for moves in (("confirmed", "shipped"), ("cancelled",)):
        order_id, other_id = _order(probe), _order(probe)
        with _followed(probe, order_id) as followed:
            followed.tells("placed")
            probe.succeed(probe.move(other_id, "confirmed"))
            followed.is_quiet()
            for to in moves:
                probe.succeed(probe.move(order_id, to))
                followed.tells(to)
            followed.ends()


def _resumes(probe: Probe) -> None:
    order_id = _order(probe, "confirmed")
    with _followed(probe, order_id) as followed:
        followed.tells("placed")
        placed = followed.last
        followed.tells("confirmed")
        confirmed = followed.last
    with probe.about("after the first of two"), _followed(probe, order_id, placed) as followed:
        followed.tells("confirmed")
        probe.expect(followed.last == confirmed, followed.stream.answer, f"id {confirmed} again", f"id {followed.last}")
    with probe.about("before the first"), _followed(probe, order_id, placed - 1 or None) as followed:
        followed.tells("placed", "confirmed")
    with probe.about("after all so far"), _followed(probe, order_id, confirmed) as followed:
        followed.is_quiet()
        probe.succeed(probe.move(order_id, "shipped"))
        followed.tells("shipped")
        followed.ends()
    with probe.about("beyond all"), _followed(probe, _order(probe), _BEYOND_ALL) as followed:
        followed.is_quiet()


def _nothing_left(probe: Probe) -> None:
    order_id = _order(probe, "cancelled")
    with _followed(probe, order_id) as followed:
        followed.tells("placed")
        placed = followed.last
        followed.tells("cancelled")
        cancelled = followed.last
    for last in (cancelled, cancelled + 1, _BEYOND_ALL):
        with probe.about(f"Last-Event-ID: {last}"), _opened(probe, _request(probe, order_id, last)) as stream:
            probe.conforms(stream.answer, 204)
    with probe.about("the final state is left"), _followed(probe, order_id, placed) as followed:
        followed.tells("cancelled")
        followed.ends()


def _missing(probe: Probe) -> None:
    for last in (None, 1, _BEYOND_ALL):
        with _opened(probe, _request(probe, _MISSING_ID, last)) as stream:
            probe.is_problem(stream.answer, "not-found")


def _wrong_ids(probe: Probe) -> None:
    for wrong in _WRONG_IDS:
        with probe.about(wrong):
            for order_id, named in ((_MISSING_ID, _HEADER), ("0", _BOTH)):
                with _opened(probe, _request(probe, order_id, wrong)) as stream:
                    probe.is_problem(stream.answer, "invalid", named)


def _head(probe: Probe) -> None:
    """Statuses and headers are those of GET. Nothing is kept open: several in turn find room."""
    final, going_on = _order(probe, "cancelled"), _order(probe)
    rows = (
        *[("an order that goes on", going_on, None, 200)] * 5,
        ("an order that does not", final, None, 200),
        ("nothing left to tell", final, _BEYOND_ALL, 204),
        ("no such order", _MISSING_ID, None, 404),
    )
    for what, order_id, last, status in rows:
        get = _request(probe, order_id, last)
        with probe.about(what), _opened(probe, Request(get.operation, "HEAD", get.target, get.headers)) as stream:
            answer = stream.answer
            in_time = answer.elapsed_s < _AT_ONCE_S
            probe.expect(in_time, answer, "an answer at once", f"one after {answer.elapsed_s:.1f} s")
            probe.conforms(answer, status) if status < 400 else probe.is_problem(answer, "not-found")


def _makes_room(probe: Probe) -> None:
    """One after the other, more than there is room for; a stream that stayed open would keep the next one out."""
    order_id = _order(probe)
    for _ in range(_IN_TURN):
        with _followed(probe, order_id) as followed:
            followed.tells("placed")


def _heartbeat(probe: Probe) -> None:
    low, high = HEARTBEAT_S
    with _followed(probe, _order(probe)) as followed:
        followed.tells("placed")
        quiet_since = time.monotonic()
        found: object = None
        while found is None and (waited_s := time.monotonic() - quiet_since) < high:
            try:
                found = followed.stream.next(min(_AT_ONCE_S, high - waited_s))
            except NothingYet:
                if probe.setting.stopped.is_set():
                    return
            except BrokenAnswer as error:
                found = error
        waited_s = time.monotonic() - quiet_since
        came = isinstance(found, Comment) and waited_s >= low
        expected = f"a comment after 15 s of silence ({low:g} to {high:g} s)"
        probe.expect(came, followed.stream.answer, expected, f"{found or 'nothing'} after {waited_s:.1f} s")


def _beyond_room(probe: Probe) -> None:
    order_id = _order(probe)
    request = _request(probe, order_id)
    with ExitStack() as open_streams:
        streams = _together(probe, request)
        for stream in streams:
            open_streams.enter_context(stream)
        held = [stream for stream in streams if stream.streams]
        for stream in streams:
            if stream.answer.status == 503:
                probe.is_problem(stream.answer, "too-many-streams")
            elif not probe.conforms(stream.answer, 200):
                raise Abandoned
        probe.require(bool(held), streams[0].answer, "room for one stream at least", "none")
        followed = [_Followed(probe, stream) for stream in held]
        for one in followed:
            one.tells("placed")
        with probe.about(f"beside {len(held)} open streams"):
            _answers_the_rest(probe, order_id)
        probe.succeed(probe.move(order_id, "cancelled"))
        for one in followed:
            one.tells("cancelled")
            one.ends()
        ids = {one.last for one in followed}
        probe.expect(len(ids) == 1, held[0].answer, "the same event on every stream", f"ids {sorted(ids)}")


def _together(probe: Probe, request: Request) -> Sequence[Stream]:
    """The answers to requests for a stream that leave at once."""
    start = threading.Barrier(_TOGETHER)

    def open_one(_: int) -> Stream | Exception:
        start.wait()
        try:
            return Stream(Client(probe.setting.url), request)
        except (NoAnswer, BrokenAnswer) as error:
            return error

    with ThreadPoolExecutor(_TOGETHER) as pool:
        results = list(pool.map(open_one, range(_TOGETHER)))
    streams = [result for result in results if isinstance(result, Stream)]
    if failures := [result for result in results if isinstance(result, Exception)]:
        for stream in streams:
            stream.close()
        probe.violation(request, f"{_TOGETHER} answers at once", f"{len(failures)} are missing; {failures[0]}")
        raise Abandoned
    return streams


def _answers_the_rest(probe: Probe, order_id: int) -> None:
    for small in (probe.setting.request("ping"), probe.setting.request("getOrder", path={"order_id": order_id})):
        answer = probe.succeed(small)
        found = f"{described(answer)} after {answer.elapsed_s:.1f} s"
        probe.expect(answer.elapsed_s < _AT_ONCE_S, answer, f"an answer within {_AT_ONCE_S:g} s", found)
