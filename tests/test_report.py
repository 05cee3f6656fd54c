"""The tables that a person reads."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console
from rich.table import Table

from lab.core.arms import Arm
from lab.core.autoscaling import Autoscaler, Size
from lab.core.deployment import Facts
from lab.core.experiment import Kind
from lab.core.scenario import Scenario
from lab.core.stacks import Stack
from lab.core.summary import Summary, Tried, summarise
from lab.core.telemetry import OFF, Telemetry
from lab.core.trial import Part, Trial
from lab.report.experiments import experiment_table
from lab.report.provenance import provenance
from lab.report.sizes import size_lines
from lab.report.table import Progress, levels_table, price_table, result_table
from tests.core.made import (
    BESIDE,
    COLDSTART,
    FACTS,
    FOOTPRINT,
    ROLLOUT,
    SCALEOUT,
    STREAM,
    THROTTLE,
    arms_of,
    level_trial,
    manifest,
    repeat_trial,
    streams_seen,
    trial,
    with_kind,
)

WIDTH = 80


def of_levels(scenario: Scenario, trials: list[Trial]) -> Summary:
    return summarise("run", scenario, True, arms_of("a"), Tried({}, {"a": trials}, {}, {}, {"a": 0.5}), FACTS)


def test_a_mix_is_named_in_full() -> None:
    players = {role: manifest(name, role) for role, name in (("catalog", "a-variant"), ("orders", "another"))}
    mix = Arm(Stack(players), OFF)
    name = mix.name
    tried = Tried({name: [trial(name, 0)]}, {name: [level_trial(name, 0)]}, {}, {}, {name: 0.5})
    for table in (result_table, levels_table):
        found = summarise("run", BESIDE, True, [mix], tried, FACTS)
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
    found = summarise("run", BESIDE, True, arms, Tried(climbs, {}, half, {}, {}), FACTS)
    shown = rows(price_table(found))
    assert "framework" in shown
    assert "off 1 50 1.00 9.0 100" in shown
    assert "official-5 0.67 (0.44–1.00) 50 1.50 1.50 9.0 +12" in shown
    assert "official-100 at most 0.67 – – – – –" in shown


LONGEST = {"first_answer_s": 16.5, "requests": 18_000, "failed": 12, "retried": 10, "slow": 140, "p99_ms": 1234.5}

EXPERIMENTS: list[tuple[Kind, Scenario, dict[str, float], str]] = [
    # kind         scenario                       figures                                       a row
    (Kind.ROLLOUT, ROLLOUT, {"duration_s": 31.25}, "framework 2 36000 24 20 280 31.2"),
    (Kind.PODKILL, with_kind(Kind.PODKILL), {"recovery_s": 2.6}, "framework 2 36000 24 20 280 2.6"),
    (Kind.COLDSTART, COLDSTART, {"setup_s": 12.5, "ready_s": 16.25}, "framework 2 – – – 12.5 16.2 16.5"),
    (Kind.THROTTLE, THROTTLE, {"throttled_share": 0.256}, "framework 250m 2 36000 – – 1234 25.6 –"),
    (Kind.FOOTPRINT, FOOTPRINT, {"image_bytes": 2**28, "cpu_rest_cores": 0.0031}, "framework 2 256 – – 3.1"),
]


@pytest.mark.parametrize(("kind", "scenario", "figures", "row"), EXPERIMENTS, ids=[case[0] for case in EXPERIMENTS])
def test_experiments_have_a_row_for_each_variant_and_case_within_eighty_columns(
    kind: Kind, scenario: Scenario, figures: dict[str, float], row: str
) -> None:
    case = "250m" if scenario.experiment and scenario.experiment.limits_m else ""
    tried = [repeat_trial("framework", repeat, kind, {**LONGEST, **figures}, case=case) for repeat in range(2)]
    found = summarise(
        "run", scenario, True, arms_of("framework"), Tried({}, {}, {}, {}, {}, {"framework": tried}), FACTS
    )
    assert row in rows(experiment_table(found))


SCALED = (Autoscaler.HTTPAUTOSCALER, Autoscaler.NONE)
GREW = (Size(0, 1, 1, 1), Size(14, 3, 3, 1), Size(20.5, 3, 3, 3), Size(105, 1, 1, 1))
RAISED = {
    "bad_share": 0.0512,
    "late_bad_share": 0.0104,
    "late_failed": 12,
    "first_up_s": 4.02,
    "all_ready_s": 10.5,
    "held_s": 11,
    "most": 3,
    "down_s": 25.04,
    "turns": 1,
    "pod_s": 298.5,
}


def scaled() -> Summary:
    names = [f"framework, {autoscaler}" for autoscaler in SCALED]
    grew = replace(repeat_trial(names[0], 0, Kind.SCALEOUT, RAISED), sizes=GREW)
    stayed = replace(
        repeat_trial(names[1], 0, Kind.SCALEOUT, {"bad_share": 0.6, "most": 1, "pod_s": 120}), sizes=GREW[:1]
    )
    tried = Tried({}, {}, {}, {}, {}, {names[0]: [grew], names[1]: [stayed]})
    return summarise("run", SCALEOUT, True, arms_of("framework", autoscalers=SCALED), tried, FACTS)


def test_autoscalers_have_a_row_each_within_eighty_columns() -> None:
    shown = rows(experiment_table(scaled()))
    assert "Browsing (at 10/s, then 80/s)" in shown
    assert "framework, 1 5.1 1.0 12 4.0 10.5 11.0 3 25.0 1 298" in shown
    assert "framework, 1 60.0 – – – – – 1 – – 120" in shown


def test_replicas_are_shown_below_the_load() -> None:
    assert size_lines(scaled()) == (
        "Replicas ready at the end of each 3 s; the load is 80/s where it is highest:",
        "load                       ▂▂▂███████████████████████▂▂▂▂▂▂▂▂▂▂▂▂▂▂",
        "framework, httpautoscaler  1111113333333333333333333333333333111111",
        "framework, none            1111111111111111111111111111111111111111",
    )


def test_a_repeat_is_told_with_its_figures_or_why_it_is_void() -> None:
    seen = {"requests": 1200, "failed": 3, "retried": 1, "slow": 0, "recovery_s": 2.25}
    tried = [
        repeat_trial("a", 0, Kind.PODKILL, seen),
        repeat_trial("a", 0, Kind.PODKILL, {**seen, "recovery_s": None}),
        repeat_trial("a", 1, Kind.PODKILL, seen, void=("steal 5 %",)),
    ]
    file = io.StringIO()
    with Progress(Console(width=WIDTH, file=file), ["a"]) as progress:
        for one in tried:
            progress.trial(one)
    counts = "1200 requests, 3 failed, 1 retried, 0 slow"
    assert file.getvalue().splitlines() == [
        f"trial     a          repeat 1  {counts}, the SLO held again after 2.2 s",
        f"trial     a          repeat 1  {counts}, the SLO did not hold again before the load ended",
        "trial     a          repeat 2  void: steal 5 %",
    ]


def test_provenance_says_where_the_replicas_lived_and_of_which_images() -> None:
    facts = Facts("kind", "not pinned", "A replica may use 250m CPU.", {"kubernetes": "v1.34.0"})
    images = {"a": "framework-lab/a:0123456789ab", "lab": "framework-lab/lab:0123456789ab"}
    found = provenance(facts, [manifest("a", "catalog")], 7, ROLLOUT.document(), (OFF,), OFF, lambda _: (), images)
    assert found["images"] == images
    assert found["runtime"] == {
        "name": "kind",
        "pinning": "not pinned",
        "limits": "A replica may use 250m CPU.",
        "components": {"kubernetes": "v1.34.0"},
    }


def test_a_range_is_shown_below_its_median() -> None:
    tried = [
        repeat_trial(
            "a",
            repeat,
            Kind.COLDSTART,
            {"ready_s": ready_s, "scheduling_s": 10.5, "setup_s": 11.5, "first_answer_s": 12.5},
        )
        for repeat, ready_s in enumerate((10.5, 12.5, 11.5))
    ]
    found = summarise("run", COLDSTART, True, arms_of("a"), Tried({}, {}, {}, {}, {}, {"a": tried}), FACTS)
    shown = rows(experiment_table(found))
    at = shown.index("a 3 10.5 – – 11.5 11.5 12.5")
    assert shown[at + 1] == "10.5–12.5"
