"""Latency counts from the schedule: what a stalled or overloaded service does to its clients shows in full."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

from lab.load import client, trial
from tests.load.server import SILENCE, Answer, Reply, Seen, Server, make_load, measure, reply

Serve = Callable[[Answer], Server]

TOLERANCE_MS = 25  # for a machine with other work; a closed loop would be off by 100 ms and more


def test_a_stall_is_seen_by_every_request_that_was_due_in_it(serve: Serve) -> None:
    """The server answers nothing in the last 0.3 s of each second, so of all requests 30 % wait, evenly up to 0.3 s.

    The median waits for nothing, p90 0.2 s and p99 0.29 s. A client that waits for its answers would send one request
    in each stall, and report p90 as if there were none.
    """
    period_s, stall_s = 1.0, 0.3

    def answer(seen: Seen) -> Reply:
        left_s = period_s - time.monotonic() % period_s
        return reply(after_s=left_s if left_s < stall_s else 0.0)

    measured = measure(make_load(serve(answer).url, rate_per_s=400, duration_s=2 * period_s))

    assert measured.errors == {}
    assert measured.latency_ms["p50"] == pytest.approx(0, abs=TOLERANCE_MS)
    assert measured.latency_ms["p90"] == pytest.approx(200, abs=TOLERANCE_MS)
    assert measured.latency_ms["p99"] == pytest.approx(290, abs=TOLERANCE_MS)


def test_requests_that_wait_for_a_connection_count_from_the_schedule(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One connection that takes 20 ms an answer; the 30th request is due at 0.29 s and answered at 0.6 s."""
    monkeypatch.setattr(client, "CONNECTIONS_MAX", 1)
    monkeypatch.setattr(trial, "KEPT_MAX", 1)
    server = serve(lambda seen: reply(after_s=0.02))

    measured = measure(make_load(server.url, rate_per_s=100, duration_s=0.3))

    assert server.connections == 1
    assert measured.answered == 30
    assert measured.latency_ms["max"] == pytest.approx(310, abs=100)


def test_requests_leave_on_time_while_nothing_is_answered(serve: Serve) -> None:
    server = serve(lambda seen: SILENCE)

    measured = measure(make_load(server.url, rate_per_s=200, duration_s=0.5, timeout_s=0.6))

    arrived = [seen.at for seen in server.seen]
    assert len(arrived) == 100
    assert arrived[-1] - arrived[0] == pytest.approx(0.495, abs=0.1)
    assert measured.errors == {"timeout": 100}
    assert 600 <= measured.latency_ms["p50"] <= 600 + 200


def test_the_histogram_holds_every_request_failed_ones_too(serve: Serve) -> None:
    server = serve(lambda seen: reply(status="503 Service Unavailable") if seen.nth % 2 else reply())

    measured = measure(make_load(server.url))

    histogram = HdrHistogram.decode(measured.latency_histogram)
    assert measured.scheduled == histogram.get_total_count() == 20
    assert measured.answered + sum(measured.errors.values()) == 20
    assert measured.errors["status 503"] > 0
    assert histogram.get_value_at_percentile(100) / 1000 == measured.latency_ms["max"]
