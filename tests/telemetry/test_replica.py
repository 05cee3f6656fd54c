"""A replica of each variant through its life: clients that make up whatever they like, a worker that dies, its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lab.contract.client import Client, NoAnswer
from lab.contract.client import Request as Sent
from lab.contract.telemetry_metrics import Exposed, Unreadable, durations, read
from lab.contract.telemetry_receiver import Receiver
from lab.core.deployment import Deployment
from lab.core.manifest import PING_ROLE
from lab.runtimes.local import LocalRuntime
from lab.runtimes.supervision.ports import HOST
from tests import polling
from tests.telemetry import ending
from tests.telemetry.stacks import OFFICIAL, remove_those_left
from tests.telemetry.traffic import Traced, send, traced
from tests.variants.conftest import VARIANTS

# 10,000 distinct words: a path and a header of each request, and a method of every other one.
HOSTILE = 4_000
CONNECTIONS = 8
SAMPLED_EVERY = 50
NEW_SERIES_MAX = 4  # of durations: a path that is unknown with GET and with a method that is none, and refusals of both
LINES_OF_A_SERIES = 17  # 14 buckets, the last one, sum and count
VALUE_MAX_CHARACTERS = 2048  # as the service limits the values of attributes where the user does not
LONG = "x" * 4000
BEFORE = 10  # requests, more than whoever starts a replica sends to see that it answers
BACK_WITHIN_S = 10.0
SENT_WITHIN_S = 5.0

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Replica:
    """The only one of its service."""

    name: str
    url: str
    metrics_url: str
    receiver: Receiver
    runtime: LocalRuntime

    def exposed(self) -> Exposed | None:
        """None where nobody tells."""
        client = Client(self.metrics_url, timeout_s=5)
        try:
            return read(client)
        except Unreadable:
            return None
        finally:
            client.close()

    def counted(self) -> float:
        """Requests so far."""
        exposed = self.exposed()
        return sum(durations(exposed).values()) if exposed else 0

    def answers(self) -> bool:
        client = Client(self.url, timeout_s=1)
        try:
            return client.send(Sent("ping", "GET", "/ping")).status == 200
        except NoAnswer:
            return False
        finally:
            client.close()


@pytest.fixture(scope="module", params=VARIANTS)
def replica(request: pytest.FixtureRequest, runtime: LocalRuntime) -> Iterator[Replica]:
    variant = VARIANTS[request.param]
    name = f"living-{variant.name}"
    with Receiver(HOST) as receiver:
        service = runtime.deploy(Deployment(name, variant, PING_ROLE, telemetry=OFFICIAL, otlp_url=receiver.url))
        yield Replica(name, service.url, service.replicas[0].metrics_url, receiver, runtime)
        remove_those_left(runtime, [name])


def made_up(number: int) -> Traced:
    """Few of them are sampled: receiving their spans is not what takes time here."""
    method = f"MADE{number}" if number % 2 else "GET"
    headers = f"User-Agent: made-up-{number}\r\n"
    return traced(f"/made-up/{number}", method, headers, sampled=number % SAMPLED_EVERY == 0)


def test_what_clients_make_up_makes_no_series(replica: Replica) -> None:
    before = replica.exposed()
    assert before
    answers = send(replica.url, map(made_up, range(HOSTILE)), CONNECTIONS)
    assert len(answers) == HOSTILE
    assert {answer.status // 100 for answer in answers} == {4}
    after = replica.exposed()
    assert after
    assert len(durations(after)) - len(durations(before)) <= NEW_SERIES_MAX
    assert len(after.values) - len(before.values) <= (NEW_SERIES_MAX + 2) * LINES_OF_A_SERIES


def test_what_clients_make_up_makes_no_attribute_without_a_bound(replica: Replica) -> None:
    long = traced(f"/{LONG}?{LONG}", headers=f"User-Agent: {LONG}\r\nX-Forwarded-For: {LONG}\r\n")
    send(replica.url, [long], 1)
    (span,) = polling.until(lambda: replica.receiver.trace(long.trace_id), SENT_WITHIN_S, "its trace")
    lengths = {key: len(str(value)) for key, value in span.attributes.items()}
    assert max(lengths.values()) <= VALUE_MAX_CHARACTERS
    assert len(lengths) < 20
    assert len(span.name) < 20


def test_a_worker_that_died_tells_again(replica: Replica) -> None:
    """The process that serves is killed, whoever starts it again: its parent, or the lab."""
    send(replica.url, [traced() for _ in range(BEFORE)], 1)
    polling.until(lambda: replica.counted() >= BEFORE, SENT_WITHIN_S, "requests are counted")

    (usage,) = replica.runtime.usage(replica.name)
    os.kill(usage.pids[-1], signal.SIGKILL)

    polling.until(replica.answers, BACK_WITHIN_S, "an answer of a new worker")
    counted = polling.until(replica.counted, BACK_WITHIN_S, "metrics of a new worker")
    assert counted < BEFORE, "it counts from 0"
    again = traced()
    send(replica.url, [again], 1)
    polling.until(lambda: replica.receiver.trace(again.trace_id), SENT_WITHIN_S, "its trace")


def test_no_finished_span_is_lost_at_the_end(replica: Replica) -> None:
    """`make prove-telemetry-sigterm` does it twenty times."""
    ended = ending.end_under_load(replica.url, replica.receiver, lambda: replica.runtime.remove(replica.name))
    assert ended.answered > ending.RATE_PER_S * ending.DURATION_S / 4
    assert ended.missing == 0
    assert ended.received == ended.answered
