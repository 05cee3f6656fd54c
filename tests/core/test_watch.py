"""What two looks at a service say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lab.core.deployment import Usage
from lab.core.telemetry import Mode
from lab.core.watch import Figures, ReplicaLook, ServiceLook, State, figures
from tests.core.exposing import Exposing

SECONDS = 2.0


def look(replica: str, exposing: Exposing | None, at_s: float = 0.0, ready: bool = True) -> ReplicaLook:
    metrics = exposing.exposition() if exposing else None
    return ReplicaLook(replica=replica, ready=ready, used_at_s=at_s, scraped_at_s=at_s, metrics=metrics)


def service(*replicas: ReplicaLook, telemetry: Mode = Mode.METRICS) -> ServiceLook:
    return ServiceLook("a-catalog", "a", "catalog", telemetry, replicas)


def between(happens: Callable[[Exposing], object]) -> Figures:
    """Of one replica, to which that happens in two seconds."""
    exposing = Exposing(workers=4)
    exposing.answer(1000, duration_s=3)  # before: not to be seen
    before = look("a-1", exposing)
    happens(exposing)
    return figures(service(before), service(look("a-1", exposing, SECONDS)))


FIGURES = [
    # case                          what happens in two seconds                           figure             value
    ("rate", lambda e: e.answer(100), "rate_per_s", 50),
    ("no errors", lambda e: e.answer(100), "error_share", 0),
    ("p50 within its bucket", lambda e: e.answer(100, duration_s=0.02), "p50_s", 0.0175),
    ("p99 within its bucket", lambda e: e.answer(100, duration_s=0.02), "p99_s", 0.02485),
    ("in flight", lambda e: e.active.set(7), "in_flight", 7),
    ("both queues", lambda e: (e.accept.set(3), e.executor.set(50)), "queued", 53),
    ("busy share of four workers", lambda e: e.busy_s.inc(6), "busy_share", 0.75),
    ("CPU cores", lambda e: e.cpu_s.inc(1.5), "cpu_cores", 0.75),
    ("memory", lambda e: e.memory_bytes.set(2**20), "memory_bytes", 2**20),
    ("no span dropped", lambda e: e.process_spans(50), "dropped_spans", 0),
    (
        "spans dropped, at either end",
        lambda e: (e.process_spans(5, "queue_full"), e.export_spans(6, "ConnectionError"), e.export_spans(9)),
        "dropped_spans",
        11,
    ),
    ("no traffic has a rate", lambda e: None, "rate_per_s", 0),
    ("no traffic has no error share", lambda e: None, "error_share", None),
    ("no traffic has no latency", lambda e: None, "p99_s", None),
]


@pytest.mark.parametrize(("happens", "figure", "value"), [case[1:] for case in FIGURES], ids=[c[0] for c in FIGURES])
def test_figures(happens: Callable[[Exposing], object], figure: str, value: float | None) -> None:
    assert getattr(between(happens), figure) == (value and pytest.approx(value))


def test_server_errors_are_a_share_of_all_answers_and_refusals_are_none() -> None:
    def happens(exposing: Exposing) -> None:
        exposing.answer(6)
        exposing.answer(1, status=404)
        exposing.answer(3, status=503)

    assert between(happens).error_share == pytest.approx(0.3)


def test_replicas_are_summed() -> None:
    replicas = {"a-1": Exposing(), "a-2": Exposing()}
    before = service(*(look(name, exposing) for name, exposing in replicas.items()))
    for number, exposing in enumerate(replicas.values(), 1):
        exposing.answer(100 * number)
        exposing.active.set(number)
        exposing.busy_s.inc(number * 2)
    found = figures(before, service(*(look(name, exposing, SECONDS) for name, exposing in replicas.items())))
    assert (found.ready, found.replicas) == (2, 2)
    assert (found.rate_per_s, found.in_flight, found.busy_share) == (150, 3, 6 / 16)


def busy(answers: int) -> Exposing:
    exposing = Exposing()
    exposing.answer(answers)
    exposing.cpu_s.inc(answers / 100)
    exposing.memory_bytes.set(2**20)
    return exposing


CHANGES = [
    # case                                     replicas before       replicas now         -> rate  memory in MiB
    ("a replica started again counts from 0", {"a-1": 900}, {"a-1": 100}, 50, 1),
    ("one that appears counts from its next look", {"a-1": 100}, {"a-1": 300, "a-2": 400}, 100, 2),
    ("one that is gone counts no more", {"a-1": 100, "a-2": 100}, {"a-1": 300}, 100, 1),
    ("one without metrics counts no more", {"a-1": 100, "a-2": 100}, {"a-1": 300, "a-2": None}, 100, 1),
    ("one whose metrics are there again", {"a-1": 100, "a-2": None}, {"a-1": 300, "a-2": 900}, 100, 2),
    ("the first look", {}, {"a-1": 300}, None, 1),
    ("all gone", {"a-1": 300}, {}, None, None),
]


@pytest.mark.parametrize(
    ("before", "now", "rate_per_s", "memory"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES]
)
def test_replicas_come_and_go(
    before: dict[str, int | None], now: dict[str, int | None], rate_per_s: float | None, memory: float | None
) -> None:
    def looks(answers: dict[str, int | None], at_s: float) -> ServiceLook:
        return service(*(look(name, None if count is None else busy(count), at_s) for name, count in answers.items()))

    found = figures(looks(before, 0.0), looks(now, SECONDS))
    assert found.rate_per_s == rate_per_s
    assert found.memory_bytes == (memory and memory * 2**20)


IDLE = Exposing()
STATES = [
    # case                 telemetry      before                 now -> state                problems
    ("answers", Mode.METRICS, look("a-1", IDLE), look("a-1", busy(5)), State.SERVING, []),
    ("nobody asks", Mode.METRICS, look("a-1", IDLE), look("a-1", IDLE), State.NO_TRAFFIC, []),
    ("one look", Mode.METRICS, None, look("a-1", IDLE), State.UNKNOWN, []),
    ("telemetry is off", Mode.OFF, look("a-1", None), look("a-1", None), State.UNKNOWN, []),
    (
        "no metrics where there should be",
        Mode.METRICS,
        look("a-1", IDLE),
        look("a-1", None),
        State.BROKEN,
        ["the metrics of a-1 cannot be read"],
    ),
    (
        "not ready",
        Mode.METRICS,
        look("a-1", IDLE),
        look("a-1", None, ready=False),
        State.BROKEN,
        ["a-1 is not ready"],
    ),
    ("not ready, telemetry off", Mode.OFF, None, look("a-1", None, ready=False), State.BROKEN, ["a-1 is not ready"]),
]


@pytest.mark.parametrize(
    ("telemetry", "before", "now", "state", "problems"), [case[1:] for case in STATES], ids=[case[0] for case in STATES]
)
def test_no_traffic_is_not_broken(
    telemetry: Mode, before: ReplicaLook | None, now: ReplicaLook, state: State, problems: list[str]
) -> None:
    earlier = service(before, telemetry=telemetry) if before else None
    found = figures(earlier, service(replace(now, scraped_at_s=SECONDS, used_at_s=SECONDS), telemetry=telemetry))
    assert (found.state, list(found.problems)) == (state, problems)


QUEUES = [
    # case                         waiting before, now, seconds later -> state, what is told
    ("a queue that does not move", 3, 12, 2.0, State.BROKEN, ("12 wait",)),
    ("as many wait", 3, 3, 2.0, State.BROKEN, ("3 wait",)),
    ("a look that came early", 3, 3, 1.6, State.BROKEN, ("3 wait",)),
    ("looks that are soon", 3, 12, 0.5, State.UNKNOWN, ("12 wait",)),
    ("some of it was taken up", 12, 3, 2.0, State.UNKNOWN, ("3 wait",)),
    ("one who came a moment ago", 0, 1, 2.0, State.NO_TRAFFIC, ()),
    ("one who went", 1, 0, 2.0, State.NO_TRAFFIC, ()),
]


@pytest.mark.parametrize(
    ("before", "now", "seconds", "state", "told"), [case[1:] for case in QUEUES], ids=[case[0] for case in QUEUES]
)
def test_a_queue_is_broken_when_it_does_not_move_for_a_while_and_not_when_it_is_slow(
    before: int, now: int, seconds: float, state: State, told: tuple[str, ...]
) -> None:
    exposing = Exposing()
    exposing.accept.set(before)
    first = service(look("a-1", exposing))
    exposing.accept.set(now)
    found = figures(first, service(look("a-1", exposing, seconds)))
    assert found.state == state
    sentence = f"in its queues, and nothing was completed in the last {seconds:.1f} s"
    assert found.problems == tuple(f"{begin} {sentence}" for begin in told)


def test_a_service_in_trouble_that_answers_is_serving_and_says_so() -> None:
    exposing = Exposing()
    before = service(look("a-1", exposing), look("a-2", Exposing()))
    exposing.answer(10)
    found = figures(before, service(look("a-1", exposing, SECONDS), look("a-2", None, SECONDS, ready=False)))
    assert (found.state, found.problems) == (State.SERVING, ("a-2 is not ready",))


USED = [
    # case                                  CPU s before, now  -> cores
    ("of the whole tree", 3.0, 5.0, 1.0),
    ("another tree counts from 0", 9.0, 1.0, 0.5),
]


@pytest.mark.parametrize(
    ("cpu_before_s", "cpu_s", "cores"), [case[1:] for case in USED], ids=[case[0] for case in USED]
)
def test_what_the_runtime_knows_is_preferred_to_what_the_replica_exports(
    cpu_before_s: float, cpu_s: float, cores: float
) -> None:
    def with_usage(at_s: float, cpu_s: float) -> ServiceLook:
        usage = Usage("a-1", (1, 2), cpu_s, 3 * 2**20, frozenset(), True)
        return service(replace(look("a-1", busy(100), at_s), usage=usage))

    found = figures(with_usage(0.0, cpu_before_s), with_usage(SECONDS, cpu_s))
    assert (found.cpu_cores, found.memory_bytes) == (cores, 3 * 2**20)
