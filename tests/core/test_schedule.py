"""When requests leave."""

from __future__ import annotations

import pytest

from lab.core.schedule import Step, constant, mean_rate_per_s, stepped

CASES = [
    # case                                  rate  duration -> times
    ("evenly spaced from the start", 4, 1, [0, 0.25, 0.5, 0.75]),
    ("none at the very end", 2, 2, [0, 0.5, 1, 1.5]),
    ("a part of a request is rounded", 3, 0.5, [0, 1 / 3]),
    ("never none at all", 0.1, 1, [0]),
]


@pytest.mark.parametrize(("rate", "duration", "times"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_constant(rate: float, duration: float, times: list[float]) -> None:
    assert constant(rate, duration) == pytest.approx(times)


def test_no_drift_after_a_million() -> None:
    assert constant(3000, 400)[-1] == pytest.approx(1_199_999 / 3000, abs=1e-9)


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_several_workers_send_exactly_the_schedule_of_one(workers: int) -> None:
    parts = [constant(30, 0.7, worker, workers) for worker in range(workers)]
    assert sorted(due for part in parts for due in part) == constant(30, 0.7)
    assert [part[:1] for part in parts] == [[due] for due in constant(30, 0.7)[:workers]]


def test_there_may_be_more_workers_than_requests() -> None:
    assert [constant(1, 2, worker, 3) for worker in range(3)] == [[0], [1], []]


STEPPED: list[tuple[str, list[Step], list[float]]] = [
    # case                              steps -> times
    ("up and down", [Step(1, 2), Step(4, 1), Step(1, 1)], [0, 1, 2, 2.25, 2.5, 2.75, 3]),
    ("each step begins with a request", [Step(2, 0.75), Step(2, 1)], [0, 0.5, 0.75, 1.25]),
    ("nothing at times", [Step(1, 1), Step(0, 5), Step(1, 1)], [0, 6]),
    ("too short for one", [Step(1, 0.4), Step(1, 1)], [0.4]),
]


@pytest.mark.parametrize(("steps", "times"), [case[1:] for case in STEPPED], ids=[case[0] for case in STEPPED])
def test_the_rate_changes_from_step_to_step(steps: list[Step], times: list[float]) -> None:
    assert stepped(steps) == pytest.approx(times)


def test_one_step_is_a_constant_rate() -> None:
    assert stepped([Step(30, 0.7)]) == constant(30, 0.7)


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_several_workers_send_exactly_the_steps_of_one(workers: int) -> None:
    steps = [Step(10, 0.7), Step(40, 0.7), Step(10, 0.3)]
    parts = [stepped(steps, worker, workers) for worker in range(workers)]
    assert sorted(due for part in parts for due in part) == stepped(steps)


def test_the_mean_is_of_the_time_that_steps_take() -> None:
    assert mean_rate_per_s([Step(10, 30), Step(50, 10)]) == 20
