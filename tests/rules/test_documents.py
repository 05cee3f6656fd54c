"""Files, runbooks and docs/alerts.md are as the rules are."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from scaler.decision import Reason
from telemetry.runtime import LOOP_CHECKED_EVERY_S

from dashboards.promql import named
from dashboards.rules import alerts
from dashboards.rules.files import files, groups
from dashboards.rules.objectives import of_roles, of_scenarios
from dashboards.rules.rule import Alert, Recording
from dashboards.rules.scale import LAB, SCALES, Scale
from dashboards.series import SERIES
from lab.core.scenario import Scenario
from lab.scenarios import load_scenario
from lab.tree import ROOT, contract_operations
from tests.rules.cases import CLAIMS, FIRES, QUIET

PAGE = (ROOT / "docs" / "alerts.md").read_text()
RUNBOOKS = ROOT / "docs" / "runbooks"
SECTIONS = ["First look", "Likely causes", "Safe actions", "Over when"]
MADE_HERE = {"in", "at", "name"}  # by label_replace and label_join

of_each_scale = pytest.mark.parametrize("scale", SCALES, ids=lambda scale: scale.name)


def rules(scale: Scale) -> list[Alert | Recording]:
    return [rule for group in groups(scale) for rule in group.rules]


ALERTS = [rule for rule in rules(LAB) if isinstance(rule, Alert)]
NAMES = sorted({alert.name for alert in ALERTS})


@pytest.mark.parametrize(("path", "text"), files().items(), ids=lambda of: of.stem if isinstance(of, Path) else "")
def test_files_are_as_generated(path: Path, text: str) -> None:
    assert path.read_text() == text, "run  python -m dashboards.rules"


@of_each_scale
def test_rules_ask_for_what_is_exported(scale: Scale) -> None:
    recorded = {rule.name for rule in rules(scale) if isinstance(rule, Recording)}
    asked = [(rule.name, selector) for rule in rules(scale) for selector in named(rule.expr).selectors]
    unknown = [
        (name, selector.name, label)
        for name, selector in asked
        if selector.name not in recorded
        for label in (*selector.matched, "")
        if selector.name not in SERIES or (label and label not in SERIES[selector.name] | {"job", "role"})
    ]
    assert len(asked) > 100
    assert unknown == []


@of_each_scale
def test_rules_group_by_labels_that_are_exported(scale: Scale) -> None:
    exported = MADE_HERE.union(*SERIES.values())
    assert {label for rule in rules(scale) for label in named(rule.expr).grouped} <= exported


def test_recording_rules_are_named_level_metric_operations() -> None:
    wrong = [
        rule.name
        for rule in rules(LAB)
        if isinstance(rule, Recording) and not re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z_]+(\d+[smhd])+", rule.name)
    ]
    assert wrong == []


def test_what_others_have_is_spelled_as_they_do() -> None:
    assert {alerts.NO_DATA, *alerts.LOST} <= set(Reason)
    assert alerts.LOOP_CHECKED_EVERY_S == LOOP_CHECKED_EVERY_S


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_has_its_runbook(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    assert re.findall("^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert all(section.strip() for section in re.split("^#+ .+$", text, flags=re.MULTILINE)[1:])


def test_a_runbook_has_its_alert() -> None:
    assert sorted(path.stem for path in RUNBOOKS.glob("*.md")) == NAMES


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_asks_for_what_is_exported(path: Path) -> None:
    blocks = re.findall(r"```\n(.*?)```", path.read_text(), re.DOTALL)
    queries = [line for block in blocks for line in block.splitlines() if not re.match(r"\.venv|kubectl", line)]
    asked = {selector.name for query in queries for selector in named(query).selectors}
    assert asked
    assert asked - SERIES.keys() == set()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert.name}-{alert.severity}")
def test_an_alert_says_what_users_feel_and_has_the_figure(alert: Alert) -> None:
    assert re.search("user|Client|nobody|who looks", alert.summary, re.IGNORECASE)
    assert alert.description


def test_every_alert_is_played() -> None:
    played = {alert for fires in FIRES.values() for alert in fires.alerts}
    assert played == {(alert.name, alert.severity.value) for alert in ALERTS}


def test_claims_are_documented() -> None:
    rows = re.findall(
        r"^\| \[(\w+)\]\(runbooks/(\w+)\.md\) \| ([a-z, ]+) \|.*\| (\d+) s \| (\d+) min \|$", PAGE, re.MULTILINE
    )
    documented = {name: (int(lab_s), 60 * int(minutes)) for name, _, _, lab_s, minutes in rows}
    severities = {name: set(text.split(", ")) for name, _, text, _, _ in rows}
    assert documented == CLAIMS
    assert severities == {name: {of.severity.value for of in ALERTS if of.name == name} for name in NAMES}


def test_counts_are_documented() -> None:
    plays = len(SCALES) * (len(FIRES) + len(QUIET))
    told = f"{len(FIRES)} troubles and {len(QUIET)} times nothing against the rules, in both scales: "
    assert f"{told}{len(NAMES)} alerts, {plays} plays" in PAGE


def scenario(name: str, p99_ms: float) -> Scenario:
    found = load_scenario("browse")
    return replace(found, name=name, slo=replace(found.slo, p99_ms=p99_ms))


def test_an_objective_between_two_buckets_is_refused() -> None:
    with pytest.raises(ValueError, match=r"mine: slo.p99_ms is 120, which is no bucket: 5, 10, 25"):
        of_scenarios([scenario("mine", 120)])


def test_a_role_has_one_objective() -> None:
    with pytest.raises(ValueError, match="mine and browse both ask catalog alone"):
        of_roles([load_scenario("browse"), scenario("mine", 100)], contract_operations())
