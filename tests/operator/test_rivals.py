"""The autoscalers that ours is compared with follow their documented rules: cases computed by hand.

Each names its source: HPA, CALCULATOR, CONTROLLER, KEDA and PROMETHEUS are those of benchmarks/scaling/rivals.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from benchmarks.scaling.rivals import (
    Behavior,
    Hpa,
    Pod,
    Policy,
    Rules,
    Signal,
    Trigger,
    Unit,
    Usage,
    average,
    cpu_replicas,
    external_replicas,
    rate,
)

NOW = 1000.0


def pod(cores: float) -> Pod:
    """Ready for long, measured lately."""
    return Pod(started=0, changed=10, usage=Usage(cores, NOW - 10, 15))


MISSING = Pod(started=0, changed=10)
PENDING = Pod(started=NOW - 1, changed=NOW - 1, ready=False, pending=True)
STARTING = Pod(started=NOW - 60, changed=NOW - 60, ready=False, usage=Usage(1.0, NOW - 10, 15))
JUST_READY = Pod(started=NOW - 60, changed=NOW - 20, usage=Usage(1.0, NOW - 10, 15))
READY_A_WINDOW_AGO = Pod(started=NOW - 60, changed=NOW - 25, usage=Usage(0.9, NOW - 10, 15))
NEVER_READY = Pod(started=NOW - 400, changed=NOW - 400, ready=False, usage=Usage(1.0, NOW - 10, 15))
NO_LONGER_READY = Pod(started=NOW - 400, changed=NOW - 200, ready=False, usage=Usage(0.9, NOW - 10, 15))

# Every pod requests one core, at a target of 50 %.
CPU: list[tuple[str, Sequence[Pod], int]] = [
    # source: case                                           pods                                  -> replicas
    ("HPA: twice the target, twice the replicas", [pod(1.0)] * 2, 4),
    ("HPA: rounded up: 3 × 0.6 / 0.5 = 3.6", [pod(0.6)] * 3, 4),
    ("HPA: half the target, half the replicas", [pod(0.25)] * 4, 2),
    ("HPA: within a tenth nothing changes", [pod(0.54)] * 10, 10),
    ("HPA: more than a tenth: 10 × 0.56 / 0.5 = 11.2", [pod(0.56)] * 10, 12),
    ("CALCULATOR: whole percents: 54.9 % counts as 54 %", [pod(0.549)] * 10, 10),
    ("HPA: missing is 0 % on the way up: 3 × (1.8 / 3) / 0.5 = 3.6", [pod(0.9)] * 2 + [MISSING], 4),
    ("HPA: missing is 100 % on the way down: 3 × (1.2 / 3) / 0.5 = 2.4", [pod(0.1)] * 2 + [MISSING], 3),
    ("HPA: never the other way: 0.4 / 0.5 alone, 0.6 / 0.5 with one missing", [pod(0.4)] * 2 + [MISSING], 3),
    ("CALCULATOR: pending is 0 % on the way up: 4 × (2 / 4) / 0.5 = 4", [pod(1.0)] * 2 + [PENDING] * 2, 4),
    ("CALCULATOR: pending does not count on the way down: 2 × 0.2 / 0.5", [pod(0.2)] * 2 + [PENDING], 1),
    ("HPA: starting is 0 % on the way up: 3 × (2 / 3 = 66 %) / 0.5 = 3.96", [pod(1.0)] * 2 + [STARTING], 4),
    ("CALCULATOR: so is who was measured before a window had passed", [pod(1.0)] * 2 + [JUST_READY], 4),
    ("CALCULATOR: and not who was measured since: 3 × 96 % / 50 %", [pod(1.0)] * 2 + [READY_A_WINDOW_AGO], 6),
    ("CALCULATOR: later who never was ready is 0 %", [pod(1.0)] * 2 + [NEVER_READY], 4),
    ("CALCULATOR: and who was ready counts", [pod(1.0)] * 2 + [NO_LONGER_READY], 6),
    ("CALCULATOR: no metrics, no change", [MISSING] * 5, 5),
]  # fmt: skip


@pytest.mark.parametrize(("pods", "replicas"), [case[1:] for case in CPU], ids=[case[0] for case in CPU])
def test_cpu_utilization(pods: Sequence[Pod], replicas: int) -> None:
    assert cpu_replicas(pods, len(pods), request=1.0, target_percent=50, now=NOW) == replicas


EXTERNAL = [
    # source: case                                          value  current  target -> replicas
    ("CALCULATOR: value over target", 700.0, 3, 100.0, 7),
    ("CALCULATOR: rounded up", 701.0, 3, 100.0, 8),
    ("CALCULATOR: within a tenth of target × current", 329.0, 3, 100.0, 3),
    ("CALCULATOR: and not beyond", 331.0, 3, 100.0, 4),
    ("CALCULATOR: nothing, none", 0.0, 3, 100.0, 0),
]


@pytest.mark.parametrize(
    ("value", "current", "target", "replicas"), [c[1:] for c in EXTERNAL], ids=[c[0] for c in EXTERNAL]
)
def test_average_value_of_an_external_metric(value: float, current: int, target: float, replicas: int) -> None:
    assert external_replicas(value, current, target) == replicas


ONLY_PODS = Behavior(up=Rules((Policy(Unit.PODS, 2, 60),), 0))
ONLY_TENTH = Behavior(down=Rules((Policy(Unit.PERCENT, 10, 60),), 0))
CAUTIOUS = Behavior(up=Rules((Policy(Unit.PERCENT, 900, 15),), 30))

# At each time what is recommended, and what comes of it. There are `current` replicas at first, then what came.
SCALED: list[tuple[str, Behavior, int, list[tuple[float, int, int]]]] = [
    ("HPA: 4 pods or 100 % in 15 s, what is more", Behavior(), 1, [(0, 20, 5), (15, 20, 10), (30, 20, 20)]),
    ("CONTROLLER: changes of the last period count", Behavior(), 1, [(0, 20, 5), (10, 20, 5), (15, 20, 10)]),
    ("HPA: up at once, down after 300 s", Behavior(), 2, [(0, 4, 4), (15, 1, 4), (299, 1, 4), (315, 1, 1)]),
    ("HPA: down to the most of 300 s", Behavior(), 4, [(0, 4, 4), (150, 3, 4), (301, 1, 3), (451, 1, 1)]),
    ("CONTROLLER: what is there counts as recommended at first", Behavior(), 4, [(0, 1, 4), (299, 1, 4), (300, 1, 1)]),
    ("HPA: no more than the bound", Behavior(), 16, [(0, 40, 20)]),
    ("HPA: no fewer either", ONLY_TENTH, 1, [(0, 0, 1)]),
    ("HPA: a policy of pods", ONLY_PODS, 3, [(0, 9, 5), (30, 9, 5), (60, 9, 7)]),
    ("CONTROLLER: a policy of percents down keeps the whole part: 72, 64.8", ONLY_TENTH, 80, [(0, 1, 72), (60, 1, 64)]),
    ("HPA: up to the least of 30 s", CAUTIOUS, 2, [(0, 9, 2), (15, 6, 2), (30, 8, 6)]),
]  # fmt: skip


@pytest.mark.parametrize(("behavior", "current", "course"), [c[1:] for c in SCALED], ids=[c[0] for c in SCALED])
def test_what_comes_of_recommendations(behavior: Behavior, current: int, course: list[tuple[float, int, int]]) -> None:
    hpa = Hpa(behavior, min_replicas=1, max_replicas=max(20, current))
    for now, recommended, wanted in course:
        current = hpa.scaled(current, recommended, now)
        assert (now, current) == (now, wanted)


EVERY_5_S = [(float(at), 10.0 * at) for at in range(0, 101, 5)]

RATES = [
    # source: case                                                  samples                window -> per second
    ("PROMETHEUS: a steady counter", EVERY_5_S, 100.0, 20.0, 10.0),
    ("PROMETHEUS: extrapolated to the ends of the window", EVERY_5_S, 102.0, 20.0, 10.0),
    ("PROMETHEUS: half an interval where more is missing: 200 × 22.5 / 20 / 40", EVERY_5_S[-5:], 100.0, 40.0, 5.625),
    ("PROMETHEUS: not before a counter was 0: 100 × 10.5 / 5 / 20", [(90.0, 10.0), (95.0, 110.0)], 100.0, 20.0, 10.5),
    ("PROMETHEUS: one sample says nothing", [(95.0, 100.0)], 100.0, 20.0, 0.0),
    ("PROMETHEUS: the window is open at its begin", [(80.0, 0.0), (90.0, 50.0)], 100.0, 20.0, 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("samples", "now", "window_s", "wanted"), [c[1:] for c in RATES], ids=[c[0] for c in RATES])
def test_rate(samples: list[tuple[float, float]], now: float, window_s: float, wanted: float) -> None:
    assert rate(samples, now, window_s) == pytest.approx(wanted)


def test_a_trigger_sums_over_all_replicas_there_were() -> None:
    gauges = [[(95.0, 4.0), (100.0, 6.0)], [(100.0, 1.0)], [(70.0, 9.0)]]
    series = {Signal.COMPLETED: [EVERY_5_S, EVERY_5_S], Signal.UNDER_WAY: gauges}
    assert Trigger(Signal.COMPLETED, 20, 70).value(series, 100) == pytest.approx(20)
    assert Trigger(Signal.UNDER_WAY, 15, 3).value(series, 100) == pytest.approx(5 + 1)
    assert average([], 100, 15) == 0
