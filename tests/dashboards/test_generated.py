"""The files that the platform's chart mounts are what the code says, and what Grafana's types and our lint let pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dashboards import lint, schema
from dashboards.__main__ import FOLDER, files
from dashboards.catalogue import DASHBOARDS
from dashboards.render import rendered

NAMES = [dashboard.name for dashboard in DASHBOARDS]


def document(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return read


def test_nothing_drifted() -> None:
    there = {path: path.read_text() for path in FOLDER.iterdir()}
    wanted = files()
    drifted = [path.name for path in {*there, *wanted} if there.get(path) != wanted.get(path)]
    assert drifted == [], "make update, or .venv/bin/python -m dashboards, writes them anew"


@pytest.mark.parametrize("name", NAMES)
def test_our_lint_finds_nothing(name: str) -> None:
    assert lint.problems(document(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_grafanas_types_know_all_of_it(name: str) -> None:
    assert schema.problems(document(name)) == []


def test_names_are_as_stable_and_short_as_grafana_wants_them() -> None:
    uids = [document(name)["uid"] for name in NAMES]
    assert uids == [f"framework-lab-{name}" for name in NAMES]
    assert all(len(uid) <= 40 for uid in uids)


@pytest.mark.parametrize("name", NAMES)
def test_panels_do_not_overlap(name: str) -> None:
    cells = [
        (x, y)
        for panel in document(name)["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))


@pytest.mark.parametrize("name", NAMES)
def test_every_dashboard_leads_to_the_others_at_the_same_time_and_choice(name: str) -> None:
    (link,) = document(name)["links"]
    assert (link["type"], link["tags"]) == ("dashboards", document(name)["tags"])
    assert (link["keepTime"], link["includeVars"]) == (True, True)


@pytest.mark.parametrize("name", ["compare", "service"])
def test_latency_leads_to_traces(name: str) -> None:
    targets = [target for panel in document(name)["panels"] for target in panel.get("targets", ())]
    assert [target for target in targets if target.get("exemplar")]


# case, path of what is replaced, by what, what is said of it
WRONG = [
    ("a member that no type has", ("panels", 1, "colour"), "red", ".panels[1].colour: unknown"),
    ("a word that an enumeration lacks", ("panels", 1, "options", "showValue"), "often", ".show_value: 'often' is no"),
    ("text for a number", ("panels", 1, "gridPos", "w"), "wide", ".grid_pos.w: 'wide' is no"),
    ("a number for text", ("title",), 7, ".title: 7 is no"),
    ("a list for an object", ("panels", 1, "fieldConfig"), [], "not a dashboard: "),
]


@pytest.mark.parametrize(("path", "value", "said"), [c[1:] for c in WRONG], ids=[c[0] for c in WRONG])
def test_what_grafanas_types_do_not_know_is_told(path: tuple[str | int, ...], value: object, said: str) -> None:
    broken: Any = json.loads(rendered(DASHBOARDS[0]))
    part = broken
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    assert said in " ".join(schema.problems(broken))


def test_they_are_below_what_a_config_map_holds() -> None:
    """1 MiB, https://kubernetes.io/docs/concepts/configuration/configmap/, and a third more where JSON is escaped."""
    assert sum(path.stat().st_size for path in Path(FOLDER).glob("*.json")) < 700_000
