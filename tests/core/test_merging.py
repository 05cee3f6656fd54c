"""Several workers' measurements make one: exactly that of all their requests together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.core.latencies import DELAY_PERCENTILES, Latencies
from lab.core.measurement import Answers, Measurement, Second, StreamsSeen
from lab.core.merging import merged
from tests.core.made import measurement

FEW = settings(max_examples=30, deadline=None)

Tries = list[tuple[float, str]]  # of each request, its latency and its failure, empty if it was answered

TRIES = st.lists(st.tuples(st.floats(1e-6, 3600), st.sampled_from(["", "", "timeout", "status 503"])), max_size=50)


def answers_of(tries: Tries, rate_per_s: float = 10.0) -> Answers:
    latencies = Latencies.of(latency_s for latency_s, _ in tries)
    errors = [error for _, error in tries if error]
    return Answers(
        rate_per_s=rate_per_s,
        scheduled=len(tries),
        answered=len(tries) - len(errors),
        errors={error: errors.count(error) for error in errors},
        retried=0,
        latency_ms=latencies.percentiles_ms(),
        latency_histogram=latencies.encoded(),
    )


def streams_of(delays_s: list[float], wanted: int = 5) -> StreamsSeen:
    delays = Latencies.of(delays_s)
    told = delays.percentiles_ms(DELAY_PERCENTILES) if delays_s else None
    return StreamsSeen(wanted, wanted, 0, {}, len(delays_s), told, delays.encoded() if delays_s else "")


def measured(tries: Tries, **more: Any) -> Measurement:
    answers = answers_of(tries)
    names = ("rate_per_s", "scheduled", "answered", "errors", "retried", "latency_ms", "latency_histogram")
    return replace(measurement(), **{**{name: getattr(answers, name) for name in names}, **more})


SECONDS = st.lists(st.builds(Second, *[st.integers(0, 1000)] * 3), max_size=5).map(tuple)
MEASURED = st.builds(
    measured,
    TRIES,
    duration_s=st.floats(0, 100),
    schedule_lag_p99_s=st.floats(0, 1),
    generator_cpu_share=st.floats(0, 1),
    steal_share=st.floats(0, 1),
    requests_by_connection=st.dictionaries(st.integers(1, 65_535), st.integers(1, 1000), max_size=5),
    beside=st.none() | st.builds(answers_of, TRIES),
    streams=st.none() | st.builds(streams_of, st.lists(st.floats(1e-6, 3600), max_size=20)),
    seconds=SECONDS,
)


@FEW
@given(MEASURED)
def test_one_is_itself(alone: Measurement) -> None:
    assert merged([alone]) == alone


@FEW
@given(st.lists(TRIES, min_size=1, max_size=4))
def test_requests_of_several_are_measured_as_if_one_had_sent_all(parts: list[Tries]) -> None:
    found = merged([measured(tries) for tries in parts])
    together = answers_of([one for tries in parts for one in tries])

    assert (found.scheduled, found.answered, found.errors) == (
        together.scheduled,
        together.answered,
        together.errors,
    )
    assert found.latency_histogram == together.latency_histogram
    assert found.latency_ms == together.latency_ms
    assert found.rate_per_s == 10.0 * len(parts)


@FEW
@given(st.lists(st.lists(st.floats(1e-6, 3600), max_size=20), min_size=1, max_size=4))
def test_events_of_several_are_measured_as_if_one_had_seen_all(parts: list[list[float]]) -> None:
    found = merged([measured([], streams=streams_of(delays_s)) for delays_s in parts]).streams

    assert found == streams_of([delay_s for delays_s in parts for delay_s in delays_s], wanted=5 * len(parts))


TWO = [
    # member                   of one worker        of another           of both
    ("duration_s", 2.0, 2.5, 2.5),
    ("schedule_lag_p99_s", 0.004, 0.002, 0.004),
    ("generator_cpu_share", 0.1, 0.6, 0.6),
    ("steal_share", 0.0, 0.03, 0.03),
    ("retried", 1, 2, 3),
    ("requests_by_connection", {40_000: 7}, {40_000: 8, 40_001: 9}, {40_000: 7, 105_536: 8, 105_537: 9}),
    ("seconds", (Second(2, 1, 0),), (Second(3, 0, 1), Second(1, 0, 0)), (Second(5, 1, 1), Second(1, 0, 0))),
    ("streams", None, streams_of([0.1]), streams_of([0.1])),
    ("beside", answers_of([(0.1, "")], 5.0), answers_of([(0.2, "")], 5.0), answers_of([(0.1, ""), (0.2, "")], 10.0)),
]


@pytest.mark.parametrize(("member", "one", "other", "both"), TWO, ids=[case[0] for case in TWO])
def test_of_two(member: str, one: Any, other: Any, both: Any) -> None:
    found = merged([measured([], **{member: one}), measured([], **{member: other})])
    assert getattr(found, member) == both


def test_streams_that_failed_are_added_by_kind() -> None:
    one, other = (replace(streams_of([]), held=4, refused=refused, errors={"ended early": 1}) for refused in (0, 2))
    found = merged([measured([], streams=one), measured([], streams=other)]).streams
    assert found == StreamsSeen(10, 8, 2, {"ended early": 2}, 0, None)
