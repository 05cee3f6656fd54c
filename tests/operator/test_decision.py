"""How many replicas a service needs: what goes before what, rule by rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from scaler.decision import Reason
from scaler.demand import Rule
from scaler.samples import Sample
from scaler.spec import Behavior, Mode, Target

from tests.operator.told import SPEC, Replica, Watched, full

QUIET = Replica()
BUSY = Replica(completed=60, in_flight=2.4)  # 60 of 100: 86 % of what it is to carry
LOOP = Replica(completed=60, in_flight=2, concurrency=None, busy=0.6 / 4)
HIDDEN = Replica(completed=100, in_flight=4, queued=None, busy=1.0)
LONG = Replica(completed=20, in_flight=40, service_s=2.0, concurrency=None, busy=0.05)
SLOW = Replica(completed=40, in_flight=4, service_s=0.5, slow=30, concurrency=None, busy=0.1)
FAILING = Replica(completed=50, failed=40, in_flight=2)

# After 60 s of the same; the replicas there are as many as tell.
STEADY: list[tuple[str, Sequence[Replica], dict[str, Any], int, Reason]] = [
    # case                                replicas                          otherwise             -> replicas, reason
    ("no load needs one", [QUIET], {}, 1, Reason.WITHIN_TARGET),
    ("what fits stays", [BUSY] * 3, {}, 3, Reason.WITHIN_TARGET),
    ("a tenth too much is borne", [Replica(completed=76)] * 3, {}, 3, Reason.WITHIN_TARGET),
    ("more than that is not", [Replica(completed=80)] * 3, {}, 4, Reason.TOO_MUCH),
    ("a queue is load", [full(queued=40)], {}, 2, Reason.TOO_MUCH),
    ("no more than a step", [full(queued_growth=100)], {}, 5, Reason.TOO_MUCH),
    ("as many as allowed", [full(queued_growth=100)] * 10, {}, 20, Reason.TOO_MUCH),
    ("no fewer than allowed", [QUIET], {"spec": {"min_replicas": 3}}, 3, Reason.WITHIN_TARGET),
    ("an event loop is limited by CPU", [replace(LOOP, completed=80)] * 2, {}, 3, Reason.TOO_MUCH),
    ("a hidden queue doubles", [HIDDEN] * 4, {}, 8, Reason.TOO_MUCH),
    ("another share of capacity", [BUSY] * 3, {"spec": {"target": Target(0.5)}}, 4, Reason.TOO_MUCH),
    ("a concurrency", [Replica(in_flight=4)] * 3, {"spec": {"target": Target(concurrency=3)}}, 4, Reason.TOO_MUCH),
    ("a CPU limit", [Replica(completed=40)] * 2, {"cpu_limit": 0.5}, 3, Reason.TOO_MUCH),
    ("a limit of many cores is one", [BUSY] * 3, {"cpu_limit": 8.0}, 3, Reason.WITHIN_TARGET),
    ("unless it is known", [BUSY] * 3, {"cpu_limit": 0.5, "spec": {"target": Target(cpu=2)}}, 3, Reason.WITHIN_TARGET),
    ("failing requests are not chased", [replace(FAILING, queued_growth=100)], {}, 1, Reason.FAILING),
    ("nor let go", [FAILING] * 9, {}, 9, Reason.FAILING),
    ("a slow dependency is told", [SLOW] * 2, {}, 2, Reason.DEPENDENCY_SLOW),
    ("a rollout grows with load", [replace(BUSY, completed=100)] * 3, {"rolling_out": True}, 5, Reason.TOO_MUCH),
    ("what waits counts", [Replica(completed=60, queued=40)] * 3, {}, 4, Reason.TOO_MUCH),
    ("but not in a rollout", [Replica(completed=60, queued=40)] * 3, {"rolling_out": True}, 3, Reason.ROLLING_OUT),
    ("replicas that crash are not joined", [full(queued_growth=100)] * 2, {"crashing": 1}, 2, Reason.CRASHING),
    ("nor those that have no place", [full(queued_growth=100)] * 2, {"unschedulable": 1}, 2, Reason.UNSCHEDULABLE),
    ("connections stay where they are", [full(queued=300), *[QUIET] * 3], {}, 4, Reason.PINNED),
    ("paused", [full(queued_growth=100)], {"spec": {"mode": Mode.PAUSED}}, 1, Reason.PAUSED),
    ("a dry run decides", [full(queued=40)], {"spec": {"mode": Mode.DRY_RUN}}, 2, Reason.TOO_MUCH),
    ("another autoscaler", [full(queued_growth=100)], {"conflict": "HPA web"}, 1, Reason.CONFLICTED),
]  # fmt: skip


@pytest.mark.parametrize(("replicas", "other", "wanted", "reason"), [c[1:] for c in STEADY], ids=[c[0] for c in STEADY])
def test_after_a_minute_of_the_same(
    replicas: Sequence[Replica], other: dict[str, Any], wanted: int, reason: Reason
) -> None:
    observed = {name: value for name, value in other.items() if name != "spec"}
    decision = Watched(replace(SPEC, **other.get("spec", {})), replicas=len(replicas)).watch(60, replicas, **observed)
    assert (decision.replicas, decision.reason) == (wanted, reason), decision.sentence


def test_a_step_is_answered_within_two_ticks() -> None:
    service = Watched(replicas=1)
    before = replace(BUSY, completed=50)
    service.watch(60, [before])
    # What one replica can't carry waits: of 280 arriving, 180 a second.
    for ticks, wanted in ((1, 3), (2, 5)):
        decision = service.tick([full(queued=180.0 * 5 * ticks)])
        assert decision.replicas >= wanted, decision.sentence


def test_down_goes_what_was_not_needed_for_the_hold_window_by_half_at_most() -> None:
    service = Watched(replicas=8, follows=True)
    service.watch(60, [Replica(completed=69)] * 8)
    fell_at = service.now
    seen: list[tuple[float, int]] = []
    while service.now < fell_at + 180:
        decision = service.tick([QUIET] * service.replicas)
        if decision.replicas != (seen[-1][1] if seen else 8):
            seen.append((service.now - 5 - fell_at, decision.replicas))
    assert [replicas for _, replicas in seen] == [4, 2, 1]
    # The last interval with load ended at the tick before; its share of the short window is gone 10 s later.
    assert 120 <= seen[0][0] <= 130


def test_a_hold_shorter_than_the_long_window_takes_nothing_away_that_is_asked_for() -> None:
    service = Watched(replace(SPEC, behavior=Behavior(hold_s=15)), replicas=4, follows=True)
    service.watch(60, [Replica(completed=69)] * 4)
    sizes = [service.tick([QUIET] * service.replicas).replicas for _ in range(18)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1


def test_down_does_not_go_below_what_would_bring_it_up_again() -> None:
    """The hold window is shorter than the long one, which remembers the load for a minute."""
    service = Watched(replace(SPEC, behavior=Behavior(hold_s=20)), replicas=6, follows=True)
    service.watch(60, [Replica(completed=69)] * 6)
    sizes = [service.tick([Replica(completed=100 / service.replicas)] * service.replicas).replicas for _ in range(30)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 2


def test_who_has_just_begun_to_watch_takes_nothing_away() -> None:
    service = Watched(replicas=8)
    decision = service.watch(115, [QUIET] * 8)
    assert (decision.replicas, decision.reason) == (8, Reason.HOLDING)
    assert service.watch(10, [QUIET] * 8).replicas == 4


def test_a_peak_within_the_hold_window_is_remembered() -> None:
    service = Watched(replicas=6)
    service.watch(120, [BUSY] * 6)
    decision = service.watch(60, [QUIET] * 6)
    assert (decision.replicas, decision.reason) == (6, Reason.HOLDING)
    assert "1 would do now" in decision.sentence


def test_added_replicas_that_complete_no_more_are_not_joined_by_others() -> None:
    """The database carries 100 a second, however many ask: a queue stays, and CPU idles."""
    waiting = Replica(in_flight=4, queued=30, queued_growth=10, busy=1.0, service_s=0.08, cpu_s=0.002)
    service = Watched(replicas=2)
    first = service.watch(60, [replace(waiting, completed=50)] * 2)
    assert first.reason is Reason.TOO_MUCH
    service.replicas = 4
    service.watch(10, [replace(waiting, completed=25)] * 4)
    decision = service.watch(60, [replace(waiting, completed=25)] * 4)
    assert (decision.replicas, decision.reason) == (4, Reason.DEPENDENCY_SATURATED)
    assert "4 replicas complete 100 a second, 2 completed 100" in decision.sentence


def test_a_saturated_dependency_is_not_asked_by_ever_more_replicas() -> None:
    """The database carries 100 a second of 200; replicas start within 10 s. Once more are added, then it is seen."""
    service = Watched(replicas=2, follows=True)
    waiting = Replica(in_flight=4, queued=0, busy=1.0, service_s=0.08, cpu_s=0.002)
    started = [-100.0, -100.0]
    seen = []
    for tick in range(60):
        ready = [at for at in started if at + 10 <= service.now]
        each = replace(waiting, completed=100 / len(ready), queued=min(1000, 500 * tick) / len(ready))
        observed = service.tick([each] * len(ready))
        seen.append((observed.replicas, observed.reason))
        started += [service.now] * (service.replicas - len(started))
    assert sorted({replicas for replicas, _ in seen}) == [2, seen[-1][0]]
    assert seen[-1][0] <= 10
    assert [reason for _, reason in seen[10:]] == [Reason.DEPENDENCY_SATURATED] * 50


@pytest.mark.parametrize("every_s", [10, 15, 30])
def test_looks_may_be_rare(every_s: int) -> None:
    """As of a Prometheus that scrapes less often than is decided."""
    service = Watched(replace(SPEC, behavior=Behavior(stale_s=2.0 * every_s + 5)), replicas=2)
    told: list[Sample] = []
    reasons = []
    for tick in range(60):
        if tick * 5 % every_s == 0:
            told = service.samples([BUSY] * 2)
        reasons.append(service.tick([BUSY] * 2, told).reason)
    assert set(reasons[12:]) == {Reason.WITHIN_TARGET}


def test_what_takes_long_does_not_wait() -> None:
    """Event loops whose requests take 2 s, nearly all of it elsewhere; one of them is full for a moment."""
    service = Watched(replicas=2)
    service.watch(60, [LONG] * 2)
    decision = service.watch(5, [replace(LONG, busy=0.25), LONG])
    assert decision.recommendations[0].inputs["waiting"] == 0


def test_added_replicas_that_help_are_joined_by_others() -> None:
    waiting = Replica(completed=50, in_flight=4, queued=30, queued_growth=10, busy=1.0, service_s=0.08, cpu_s=0.002)
    service = Watched(replicas=2)
    service.watch(60, [waiting] * 2)
    service.replicas = 4
    assert service.watch(60, [waiting] * 4).reason is Reason.TOO_MUCH


# What replicas tell, and don't.


def told(service: Watched, replicas: Sequence[Replica], **wrong: float) -> list[Sample]:
    """What they tell now; of the first one, `wrong` instead."""
    samples = service.samples(replicas)
    return [replace(samples[0], **wrong), *samples[1:]]  # type: ignore[arg-type]


BAD: list[tuple[str, dict[str, float]]] = [
    ("not a number", {"completed": math.nan}),
    ("infinite", {"in_flight": math.inf}),
    ("negative", {"queued": -1.0}),
    ("of a time that was", {"at": 20.0}),
    ("of a time to come", {"at": 1000.0}),
]


@pytest.mark.parametrize("wrong", [case[1] for case in BAD], ids=[case[0] for case in BAD])
def test_a_wrong_sample_is_none(wrong: dict[str, float]) -> None:
    """As if it had not been there: the next tick's rates are of 10 s."""
    with_it, without = Watched(replicas=2), Watched(replicas=2)
    for service in (with_it, without):
        service.watch(60, [BUSY] * 2)
    with_it.tick([BUSY] * 2, told(with_it, [BUSY] * 2, **wrong))
    without.tick([BUSY] * 2, told(without, [BUSY] * 2)[1:])
    assert with_it.state == without.state
    assert with_it.watch(20, [BUSY] * 2) == without.watch(20, [BUSY] * 2)


def test_a_sample_told_twice_counts_once() -> None:
    service = Watched(replicas=1)
    service.watch(60, [BUSY])
    before = service.state
    again = service.told["r0"]
    service.tick([BUSY], [again, again])
    assert service.state.flows == before.flows


def test_a_counter_that_begins_again_is_no_load_and_no_lull() -> None:
    service = Watched(replicas=2)
    service.watch(60, [BUSY] * 2)
    del service.told["r1"]
    decision = service.watch(60, [BUSY, replace(BUSY, started=58.0)])
    assert (decision.replicas, decision.reason) == (2, Reason.WITHIN_TARGET)
    # Of the 5 s in which it began again, 3 are lost of one of two.
    assert all(84 <= flow.arrivals <= 121 for flow in service.state.flows)


def test_no_data_holds() -> None:
    service = Watched(replicas=5)
    service.watch(180, [BUSY] * 5)
    for _ in range(60):
        decision = service.tick([BUSY] * 5, [])
        assert decision.replicas == 5
    assert decision.reason is Reason.NO_DATA


def test_after_data_were_missing_nothing_is_taken_away_at_once() -> None:
    service = Watched(replicas=5)
    service.watch(180, [BUSY] * 5)
    service.watch(60, [BUSY] * 5, samples=[])
    assert service.watch(115, [QUIET] * 5).reason is Reason.HOLDING


def test_partial_data_are_scaled_up_and_never_down() -> None:
    """Of four replicas two tell, for longer than a missed answer: all are taken to be like those."""
    service = Watched(replicas=4)
    service.watch(180, [QUIET] * 4)
    for _ in range(30):
        decision = service.tick([QUIET] * 4, told(service, [QUIET] * 4)[:2])
    assert (decision.replicas, decision.reason, decision.measured) == (4, Reason.PARTIAL_DATA, 2)
    busier = replace(BUSY, completed=100)
    for _ in range(6):
        decision = service.tick([busier] * 4, told(service, [busier] * 4)[:2])
    assert decision.reason is Reason.TOO_MUCH
    assert decision.recommendations[0].inputs["arrivals"] == pytest.approx(400, rel=0.05)


def test_one_missed_answer_is_not_partial_data() -> None:
    service = Watched(replicas=4)
    service.watch(60, [BUSY] * 4)
    assert service.tick([BUSY] * 4, told(service, [BUSY] * 4)[1:]).reason is Reason.WITHIN_TARGET


@pytest.mark.parametrize(("step_s", "reason"), [(-3600, Reason.NO_DATA), (3600, Reason.NO_DATA)])
def test_a_clock_that_jumps_begins_anew(step_s: float, reason: Reason) -> None:
    service = Watched(replicas=5)
    service.watch(180, [BUSY] * 5)
    service.now += step_s
    assert service.tick([BUSY] * 5).replicas == 5
    assert service.watch(100, [QUIET] * 5).replicas == 5


def test_scaled_to_zero_by_a_person_it_stays_there() -> None:
    service = Watched(replicas=0)
    decision = service.tick([])
    assert (decision.replicas, decision.reason) == (0, Reason.SUSPENDED)


def test_what_one_carries_is_what_it_was_seen_to_complete() -> None:
    """60 a second while more waits, though its CPU time says 100."""
    service = Watched(replicas=1)
    decision = service.watch(60, [full(completed=60, queued=30)])
    throughput = next(one for one in decision.recommendations if one.rule is Rule.THROUGHPUT)
    assert throughput.inputs["capacity"] == pytest.approx(60)


def test_threads_don_t_multiply_one_interpreter() -> None:
    """4 threads whose requests take 5 ms, all of it CPU: 200 a second, not 800."""
    service = Watched(replicas=1)
    decision = service.watch(60, [Replica(completed=50, service_s=0.005, cpu_s=0.005)])
    assert decision.recommendations[0].inputs["capacity"] == pytest.approx(200)


def test_the_first_seconds_of_a_replica_say_nothing_of_its_capacity() -> None:
    service = Watched(replicas=1)
    decision = service.watch(10, [full(completed=10, started=-1.0)])
    assert decision.recommendations[0].inputs["capacity"] == pytest.approx(100)


def test_the_sentence_says_what_a_person_can_check() -> None:
    spec = replace(SPEC, target=Target(concurrency=7))
    decision = Watched(spec, replicas=4).watch(60, [Replica(in_flight=9.5)] * 4)
    assert decision.sentence == "4 → 6: 38 requests are under way, one replica is to carry 7"


def test_the_worked_example_of_the_documentation() -> None:
    """As docs/autoscaling.md has it, step by step."""
    service = Watched(replicas=3)
    service.watch(60, [QUIET] * 3)
    for completed, in_flight, queued, busy_s in [(0, 2, 0, 0), (90, 4, 18, 20)]:
        one = Sample("r0", service.now, in_flight, completed, queued=queued, busy_s=busy_s, workers=4, concurrency=4)
        decision = service.tick([QUIET] * 3, [one, replace(one, replica="r1"), replace(one, replica="r2")])
    assert decision.recommendations[0].inputs == pytest.approx({"arrivals": 66, "waiting": 54, "capacity": 18})
    assert decision.recommendations[0].need == pytest.approx(93 / 12.6)
    assert decision.sentence == "3 → 8: 66 a second arrive and 54 wait, one replica carries 12.6 a second"


def test_the_sentence_says_what_is_done_within_bounds() -> None:
    decision = Watched(replace(SPEC, max_replicas=4)).watch(60, [full(queued_growth=100)])
    assert decision.sentence.startswith("1 → 4: ")
    assert decision.sentence.endswith("; 4 is the most that may be")
    assert decision.limited is Reason.AT_MAXIMUM
