"""The tables that a person reads."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from lab.core.arms import Arm
from lab.core.scenario import Scenario
from lab.core.stacks import Stack
from lab.core.summary import Summary, Tried, summarise
from lab.core.telemetry import OFF, Telemetry
from lab.core.trial import Part, Trial
from lab.report.table import levels_table, price_table, result_table
from tests.core.made import BESIDE, STREAM, arms_of, level_trial, manifest, streams_seen, trial

WIDTH = 80


def of_levels(scenario: Scenario, trials: list[Trial]) -> Summary:
    return summarise("run", scenario, True, arms_of("a"), Tried({}, {"a": trials}, {}, {}, {"a": 0.5}))


def test_a_mix_is_named_in_full() -> None:
    players = {role: manifest(name, role) for role, name in (("catalog", "a-variant"), ("orders", "another"))}
    mix = Arm(Stack(players), OFF)
    name = mix.name
    tried = Tried({name: [trial(name, 0)]}, {name: [level_trial(name, 0)]}, {}, {}, {name: 0.5})
    for table in (result_table, levels_table):
        found = summarise("run", BESIDE, True, [mix], tried)
        shown = "".join(row.split(" ")[0] for row in rows(table(found)))
        assert name in shown


def rows(table: Table) -> list[str]:
    console = Console(width=WIDTH, file=io.StringIO(), record=True)
    console.print(table)
    return [" ".join(line.split()) for line in console.export_text().splitlines()]


ROWS: list[tuple[str, Scenario, list[Trial], list[str]]] = [
    (
        "streams",
        STREAM,
        [
            level_trial("a", 0, memory_bytes=100 * 2**20),
            level_trial("a", 1000, streams=streams_seen(1000, 1000), memory_bytes=120 * 2**20),
        ],
        ["a 0 1.0 3.0 – – – – 100", "1000 1.0 3.0 1000 0 4.0 20 120"],
    ),
    (
        "requests",
        BESIDE,
        [level_trial("a", 0), level_trial("a", 20, rate_per_s=20)],
        ["a 0 1.0 3.0 – 1", "20 1.0 3.0 9.0 1"],
    ),
    ("void", STREAM, [level_trial("a", 0, void=("steal 5 %",))], ["a 0 void"]),
]


@pytest.mark.parametrize(("scenario", "trials", "told"), [case[1:] for case in ROWS], ids=[case[0] for case in ROWS])
def test_levels_have_a_row_each_within_eighty_columns(scenario: Scenario, trials: list[Trial], told: list[str]) -> None:
    shown = rows(levels_table(of_levels(scenario, trials)))
    assert [row for row in told if row not in shown] == []


LEVELS = (OFF, Telemetry.parse("official-5"), Telemetry.parse("official-100"))


def test_prices_have_a_row_for_each_level_within_eighty_columns() -> None:
    arms = arms_of("framework", levels=LEVELS)
    verdicts = {0: ("held", "held", "missed"), 1: ("held", "missed"), 2: ("missed",)}
    climbs = {
        arm.name: [
            trial(arm.name, rung, verdict, memory_bytes=(100 + 12 * number) * 2**20)
            for rung, verdict in enumerate(verdicts[number])
        ]
        for number, arm in enumerate(arms)
    }
    half = {
        arm.name: [trial(arm.name, 0, rate_per_s=50, cpu_s=cpu_s, part=Part.HALF_LOAD)]
        for arm, cpu_s in zip(arms[:2], (0.2, 0.3), strict=True)
    }
    found = summarise("run", BESIDE, True, arms, Tried(climbs, {}, half, {}, {}))
    shown = rows(price_table(found))
    assert "framework" in shown
    assert "off 1 50 1.00 9.0 100" in shown
    assert "official-5 0.67 (0.44–1.00) 50 1.50 1.50 9.0 +12" in shown
    assert "official-100 at most 0.67 – – – – –" in shown
