"""The tables that a person reads."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from lab.core.scenario import Scenario
from lab.core.summary import Summary, summarise
from lab.core.trial import Trial
from lab.report.table import levels_table, result_table
from tests.core.made import BESIDE, STREAM, level_trial, streams_seen, trial

WIDTH = 80


def of_levels(scenario: Scenario, trials: list[Trial]) -> Summary:
    return summarise("run", scenario, True, ("a",), {}, {"a": trials}, {}, {"a": 0.5})


def test_a_mix_is_named_in_full() -> None:
    name = "catalog=a-variant,orders=another"
    trials = {name: [level_trial(name, 0)]}
    for table in (result_table, levels_table):
        found = summarise("run", BESIDE, True, (name,), {name: [trial(name, 0)]}, trials, {}, {name: 0.5})
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
