"""What happens while a load goes on."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import pytest

from lab.engine.happening import Happening, Pace
from lab.errors import RuntimeFailure
from tests.core.made import measurement


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_begins_when_the_load_has_lasted_so_long_and_only_once() -> None:
    clock, begun = Clock(), []
    happening = Happening(lambda: begun.append(clock.now), 5.0, Pace(clock))
    for clock.now in (100.0, 104.5, 105.0):
        happening.tick()
    happening.wait()
    happening.tick()
    assert begun == [105.0]


def test_its_times_count_from_the_first_request_not_from_the_first_tick() -> None:
    clock = Clock()
    happening = Happening(lambda: None, 5.0, Pace(clock))
    for clock.now in (100.0, 105.0):
        happening.tick()
    happening.wait()
    clock.now = 161.5
    happening.over(replace(measurement(), duration_s=60.0))
    assert happening.times() == (3.5, 3.5)


def test_the_load_goes_on_meanwhile() -> None:
    may_end = threading.Event()
    clock = Clock()
    happening = Happening(lambda: may_end.wait(10), 0.0, Pace(clock))
    happening.tick()
    clock.now = 130.0
    happening.over(replace(measurement(), duration_s=30.0))
    clock.now = 140.0
    may_end.set()
    happening.wait()
    assert happening.times() == (0.0, 40.0)


def test_what_has_not_begun_has_no_times() -> None:
    happening = Happening(lambda: None, 5.0, Pace(Clock()))
    happening.tick()
    happening.wait()
    assert happening.times() is None


def test_what_goes_wrong_is_told_where_it_is_waited_for() -> None:
    def fail() -> None:
        raise RuntimeFailure("no")

    happening = Happening(fail, 0.0, Pace(Clock()))
    happening.tick()
    happening.wait()
    with pytest.raises(RuntimeFailure, match="no"):
        happening.times()
