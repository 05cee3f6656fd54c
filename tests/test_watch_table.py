"""What `lab watch` shows of services, within the columns of a terminal."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from lab.core.telemetry import Mode
from lab.core.watch import Figures, ServiceLook, State
from lab.report.watch import Seen, watched

WIDTH = 80
IDLE = Figures(
    ready=1,
    replicas=1,
    state=State.NO_TRAFFIC,
    problems=(),
    rate_per_s=0.0,
    error_share=None,
    p50_s=None,
    p99_s=None,
    in_flight=0,
    queued=0,
    busy_share=0.0,
    cpu_cores=0.004,
    memory_bytes=80 * 2**20,
    dropped_spans=0,
)
FLOODED = replace(
    IDLE,
    ready=16,
    replicas=16,
    state=State.SERVING,
    rate_per_s=54321.4,
    error_share=1.0,
    p50_s=0.99996,
    p99_s=10.0,
    in_flight=1024,
    queued=4096,
    busy_share=1.0,
    cpu_cores=12.345,
    memory_bytes=10_000 * 2**20,
)


def look(name: str, variant: str, role: str, telemetry: Mode = Mode.METRICS) -> ServiceLook:
    return ServiceLook(name, variant, role, telemetry, ())


def lines(seen: Seen) -> list[str]:
    console = Console(width=WIDTH, file=io.StringIO(), record=True)
    console.print(watched(seen, "now"))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_no_traffic_has_no_latency() -> None:
    shown = lines([(look("a-catalog", "a", "catalog"), IDLE)])
    assert shown[-1].split() == ["a", "catalog", "1/1", "0.0", "–", "–", "–", "0", "0", "0", "0.00", "80"]


def test_the_largest_figures_fit() -> None:
    shown = lines([(look("variant-recommend", "a-variant", "recommend"), FLOODED)])
    cells = ["16/16", "54321", "100.0", "1000", "10000", "1024", "4096", "100", "12.35", "10000"]
    assert shown[-1].split()[-len(cells) :] == cells


SHARES = [
    # case                     share    5xx %
    ("no traffic", None, "–"),
    ("no error", 0.0, "0.0"),
    ("one of a million", 1e-6, "<0.1"),
    ("what rounds to a tenth", 0.0006, "0.1"),
    ("all", 1.0, "100.0"),
]


@pytest.mark.parametrize(("share", "shown"), [case[1:] for case in SHARES], ids=[case[0] for case in SHARES])
def test_few_errors_are_not_none(share: float | None, shown: str) -> None:
    assert lines([(look("a-catalog", "a", "catalog"), replace(IDLE, error_share=share))])[-1].split()[4] == shown


def test_services_that_play_the_same_role_go_by_their_names() -> None:
    names = ["trial-a.off-catalog", "trial-a.official-5-catalog"]
    shown = lines([(look(name, "a", "catalog"), FLOODED) for name in names])
    role = "".join(line[shown[2].index("role") :][:18].split(" ")[0] for line in shown[4:])
    assert role == "".join(names)


def test_what_is_wrong_is_told_in_sentences() -> None:
    seen = [
        (
            replace(look("a-catalog", "a", "catalog"), decision="2 → 3: 50 a second arrive"),
            replace(IDLE, state=State.BROKEN, problems=("a-catalog-1 is not ready",)),
        ),
        (look("a-orders", "a", "orders"), replace(FLOODED, dropped_spans=12)),
        (look("b-catalog", "b", "catalog", Mode.OFF), IDLE),
    ]
    assert lines(seen)[-4:] == [
        "a-catalog: 2 → 3: 50 a second arrive",
        "a-catalog: a-catalog-1 is not ready",
        "a-orders: 12 spans were dropped",
        "Telemetry is off in b-catalog: lab up --telemetry metrics",
    ]


def test_telemetry_that_is_off_everywhere_is_told_once() -> None:
    seen = [(look(f"{name}-catalog", name, "catalog", Mode.OFF), IDLE) for name in ("a", "b")]
    assert lines(seen)[-1] == "Telemetry is off: lab up --telemetry metrics"


def test_nothing_runs() -> None:
    assert lines([]) == ["No service runs."]
