"""Which loads can't be believed, and which did not hold their objective."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.core.measurement import generator_limited, missed_objectives, void_reasons
from lab.core.scenario import Slo
from tests.core.made import measurement

SLO = Slo(p99_ms=100, error_share=0.01)

CPU = "the load generator used 71% of its core, above 70%"
LATE = "requests left late: p99 of 5.1 ms, above 5.0 ms (5% of the SLO)"
STEAL = "steal time was 2.1% of the machine, above 2%"

VOID_CASES: list[tuple[str, dict[str, float], tuple[str, ...], bool]] = [
    # case                       measured                                        reasons         generator's limit
    ("all well", {}, (), False),
    ("just at each bound", {"generator_cpu_share": 0.7, "schedule_lag_p99_s": 0.005, "steal_share": 0.02}, (), False),
    ("generator busy", {"generator_cpu_share": 0.71}, (CPU,), True),
    ("left late", {"schedule_lag_p99_s": 0.0051}, (LATE,), True),
    ("stolen", {"steal_share": 0.021}, (STEAL,), False),
    ("late because stolen", {"schedule_lag_p99_s": 0.0051, "steal_share": 0.021}, (LATE, STEAL), False),
]


@pytest.mark.parametrize(("measured", "reasons", "limit"), [c[1:] for c in VOID_CASES], ids=[c[0] for c in VOID_CASES])
def test_void(measured: dict[str, Any], reasons: tuple[str, ...], limit: bool) -> None:
    changed = replace(measurement(), **measured)
    assert void_reasons(changed, SLO) == reasons
    assert generator_limited(changed, SLO) is limit


def latencies(p90: float, p99: float) -> dict[str, dict[str, float]]:
    return {"latency_ms": {"p50": 2.0, "p90": p90, "p99": p99, "p99.9": p99, "max": p99}}


OBJECTIVE_CASES: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    # 200 requests at 100 per second, so 2 s as scheduled
    # case                                   measured -> missed
    ("held", {}, ()),
    ("just held", {"answered": 198, "errors": {"timeout": 2}, **latencies(9, 100)}, ()),
    ("slow", latencies(9, 100.1), ("p99 was 100.1 ms, above 100 ms",)),
    (
        "failing",
        {"answered": 195, "errors": {"timeout": 2, "status 503": 3}},
        ("2.50% of requests failed, above 1.00%: 3 status 503, 2 timeout",),
    ),
    ("one slow answer at the end is no backlog", {"duration_s": 2.9, **latencies(9, 90)}, ()),
    (
        "a backlog grew",
        {"duration_s": 2.5, **latencies(450, 500)},
        ("p99 was 500.0 ms, above 100 ms", "answered 80.0 of 100.0 requests per second"),
    ),
]


@pytest.mark.parametrize(("measured", "missed"), [c[1:] for c in OBJECTIVE_CASES], ids=[c[0] for c in OBJECTIVE_CASES])
def test_missed_objectives(measured: dict[str, Any], missed: tuple[str, ...]) -> None:
    assert missed_objectives(replace(measurement(), **measured), SLO) == missed
