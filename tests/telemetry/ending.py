"""SIGTERM under load, with a collector that is well: is a finished span lost?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lab.contract.telemetry_receiver import Receiver
from lab.core.trace import Kind
from tests.telemetry.traffic import send, traced

CONNECTIONS = 8
RATE_PER_S = 300.0
DURATION_S = 1.0  # the signal comes in the middle


@dataclass(frozen=True, slots=True)
class Ended:
    """Requests `answered`, server spans `received`, answers whose span is `missing`; it `ended_s` after the signal."""

    answered: int
    received: int
    missing: int
    ended_s: float


def end_under_load(url: str, receiver: Receiver, end: Callable[[], object]) -> Ended:
    """`end` ends the only replica at `url`, and returns when it has ended, while requests come at a steady rate."""
    took_s = 0.0

    def timed() -> None:
        nonlocal took_s
        begin = time.monotonic()
        end()
        took_s = time.monotonic() - begin

    requests = [traced() for _ in range(int(RATE_PER_S * DURATION_S))]
    answers = send(url, requests, CONNECTIONS, rate_per_s=RATE_PER_S, midway=timed)
    answered = {answer.request.trace_id for answer in answers if answer.status == 200}
    received = {span.trace_id for span in receiver.spans() if span.kind is Kind.SERVER}
    ours = received & {request.trace_id for request in requests}
    return Ended(len(answered), len(ours), len(answered - ours), took_s)
