"""Streams of two replicas: what happens at one is told at the other, and no event is lost between them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from lab.contract.client import Client
from lab.contract.document import load
from lab.contract.probe import Ids, Probe, Setting
from lab.contract.streams import Ended, Event, Stream
from lab.contract.tokens import Tokens
from lab.core.deployment import Service
from lab.runtimes.local import LocalRuntime
from lab.runtimes.supervision import ports
from tests import polling
from tests.variants.conftest import STREAM_MAX_S

SOON_S = 1.0  # and less than a stream lasts
BOTH_WITHIN_S = 5.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ports.SHARED_PORTS, reason="replicas share a port on Linux only"),
]


@pytest.fixture
def probe(replicas: Service, runtime: LocalRuntime) -> Iterator[Probe]:
    """Hands that place and move orders."""
    setting = Setting(load(), replicas.url, Tokens(runtime.token_key(), time.time), Ids())
    probe = Probe(setting, "streams", Client(replicas.url))
    yield probe
    probe.client.close()
    assert "\n".join(map(str, probe.violations)) == ""


def follow(probe: Probe, order_id: int, last: int = 0) -> Stream:
    headers = {"Last-Event-ID": str(last)} if last else {}
    request = probe.setting.request("streamOrder", path={"order_id": order_id}, headers=headers)
    return Stream(Client(probe.setting.url), request)


def told(stream: Stream, within_s: float = SOON_S) -> tuple[str, int]:
    """Status and id of the next event."""
    found = stream.next(within_s)
    assert isinstance(found, Event), found
    return json.loads(found.data)["status"], found.id


@contextmanager
def one_at_each(probe: Probe, order_id: int, replica_of: Callable[[Stream], str | None]) -> Iterator[dict[str, Stream]]:
    """A stream at each of two replicas, all of which have told `placed`."""
    with ExitStack() as open_streams:
        streams: dict[str, Stream] = {}

        def both_are_found() -> bool:
            stream = open_streams.enter_context(follow(probe, order_id))
            replica = replica_of(stream) if stream.streams else None
            if replica is None or replica in streams:
                stream.close()
            else:
                assert told(stream)[0] == "placed"
                streams[replica] = stream
            return len(streams) == 2

        polling.until(both_are_found, BOTH_WITHIN_S, "a stream at each of two replicas")
        yield streams


@pytest.fixture
def replica_of(runtime: LocalRuntime, replicas: Service) -> Callable[[Stream], str | None]:
    """Which of the two replicas holds a stream."""
    runtime.scale(replicas.name, 2)  # the test before may have ended one

    def found(stream: Stream) -> str | None:
        of_stream = [usage.replica for usage in runtime.usage(replicas.name) if stream.local_port in usage.clients]
        return of_stream[0] if of_stream else None

    return found


def test_a_move_through_one_replica_is_told_by_both(probe: Probe, replica_of: Callable[[Stream], str | None]) -> None:
    order_id = probe.placed()["id"]
    with one_at_each(probe, order_id, replica_of) as streams:
        probe.succeed(probe.move(order_id, "confirmed"))
        seen = [told(stream) for stream in streams.values()]
    assert [status for status, _ in seen] == ["confirmed", "confirmed"]
    assert len({event_id for _, event_id in seen}) == 1


def test_a_stream_ends_after_its_time_and_is_resumed(probe: Probe) -> None:
    order_id = probe.placed()["id"]
    begun = time.monotonic()
    with follow(probe, order_id) as stream:
        _, last = told(stream)
        assert stream.next(STREAM_MAX_S + SOON_S) == Ended()
    assert STREAM_MAX_S - SOON_S / 2 < time.monotonic() - begun < STREAM_MAX_S + SOON_S
    probe.succeed(probe.move(order_id, "confirmed"))
    with follow(probe, order_id, last) as stream:
        assert told(stream)[0] == "confirmed"


def test_a_replica_that_ends_ends_its_streams_at_once_and_nothing_is_missed(
    probe: Probe, replica_of: Callable[[Stream], str | None], runtime: LocalRuntime, replicas: Service
) -> None:
    order_id = probe.placed()["id"]
    with follow(probe, order_id) as stream:
        _, last = told(stream)
    with one_at_each(probe, order_id, replica_of) as streams, ThreadPoolExecutor(len(streams)) as threads:
        begun = time.monotonic()
        ends = {replica: threads.submit(time_of_end, stream) for replica, stream in streams.items()}
        left = {replica.id for replica in runtime.scale(replicas.name, 1).replicas}
        for replica in left:
            streams[replica].close()
        ended_after_s = [ends[replica].result() - begun for replica in streams.keys() - left]
    assert [after_s < SOON_S for after_s in ended_after_s] == [True], ended_after_s
    probe.client.close()  # its connection may be that of the replica that ended
    probe.succeed(probe.move(order_id, "cancelled"))
    with follow(probe, order_id, last) as stream:
        assert told(stream)[0] == "cancelled"
        assert stream.next(SOON_S) == Ended()


def time_of_end(stream: Stream) -> float:
    assert stream.next(STREAM_MAX_S + SOON_S) == Ended()
    return time.monotonic()
