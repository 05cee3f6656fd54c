"""What holds of every decision, whatever replicas tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from scaler.decision import Reason, decide
from scaler.demand import Observed, State
from scaler.samples import Sample
from scaler.spec import Spec

from tests.operator.told import Replica, Watched

NUMBERS = st.one_of(st.floats(0, 1e6), st.sampled_from([math.nan, math.inf, -1.0]))
MAYBE = st.one_of(st.none(), NUMBERS)
SAMPLES = st.builds(
    Sample,
    replica=st.sampled_from(["a", "b", "c"]),
    at=st.floats(-20, 200),
    in_flight=NUMBERS,
    completed=NUMBERS,
    failed=NUMBERS,
    slow=MAYBE,
    service_s=MAYBE,
    queued=MAYBE,
    concurrency=MAYBE,
    workers=MAYBE,
    busy_s=MAYBE,
    cpu_s=MAYBE,
)
OBSERVED = st.builds(
    Observed,
    replicas=st.integers(0, 12),
    ready=st.frozensets(st.sampled_from(["a", "b", "c"])),
    samples=st.lists(SAMPLES, max_size=6),
    cpu_limit=st.one_of(st.none(), st.floats(0.1, 4)),
    unschedulable=st.integers(0, 2),
    crashing=st.integers(0, 2),
    rolling_out=st.booleans(),
)
TICKS = st.lists(st.tuples(st.floats(-10, 90), OBSERVED), min_size=1, max_size=12)
SPECS = st.builds(Spec, min_replicas=st.integers(1, 3), max_replicas=st.integers(3, 10))


@settings(deadline=None)
@given(SPECS, TICKS)
def test_bounds_are_kept_and_nothing_is_taken_without_data(spec: Spec, ticks: Sequence[tuple[float, Observed]]) -> None:
    state, now = State(), 0.0
    for seconds, observed in ticks:
        now += seconds
        decision, state = decide(spec, observed, state, now)
        if decision.reason is not Reason.SUSPENDED:
            assert spec.min_replicas <= decision.replicas <= spec.max_replicas
        if decision.replicas < min(observed.replicas, spec.max_replicas):
            assert decision.reason is Reason.TOO_LITTLE
            assert decision.measured >= decision.ready > 0
        assert decision.sentence


@settings(deadline=None)
@given(SPECS, TICKS)
def test_asked_again_it_answers_the_same(spec: Spec, ticks: Sequence[tuple[float, Observed]]) -> None:
    state, now = State(), 0.0
    for seconds, observed in ticks:
        now += seconds
        decision, state = decide(spec, observed, state, now)
        assert decide(spec, observed, state, now) == (decision, state)


@settings(deadline=None)
@given(st.integers(1, 8), st.floats(0, 95), st.floats(0, 95), st.floats(0, 500), st.floats(0, 500))
def test_more_load_never_asks_for_fewer(
    replicas: int, rate: float, more: float, waiting: float, more_waiting: float
) -> None:
    """Rates that one of them can carry, since above that what is completed says nothing of what arrives."""
    low, high = sorted((rate, more))
    few, many = sorted((waiting, more_waiting))
    less = Watched(replicas=replicas).watch(180, [Replica(completed=low, queued=few)] * replicas)
    greater = Watched(replicas=replicas).watch(180, [Replica(completed=high, queued=many)] * replicas)
    assert less.replicas <= greater.replicas


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.floats(20, 900))
def test_a_tenth_of_noise_does_not_flap(seed: int, rate: float) -> None:
    """Half an hour from too few on: up as far as it takes, and down once if the noise led too far at first."""
    chance, service = Random(seed), Watched(replicas=math.ceil(rate / 90), follows=True)
    sizes = []
    for _ in range(360):
        each = [rate * chance.uniform(0.9, 1.1) / service.replicas for _ in range(service.replicas)]
        sizes.append(service.tick([Replica(completed=one, in_flight=2) for one in each]).replicas)
    moves = [after - before for before, after in pairwise(sizes) if after != before]
    assert sum(move < 0 for move in moves) <= 1
    assert not any(earlier < 0 < later for earlier, later in pairwise(moves))
    assert math.ceil(rate / 77) <= sizes[-1] <= math.ceil(1.1 * rate / 70) + 1
