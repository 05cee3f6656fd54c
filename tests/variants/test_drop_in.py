"""A folder is a variant: one that the lab has never seen is checked, and compared where it can be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lab.tree import ROOT
from tests.stolen import was_measured

SCHEMA = json.loads((ROOT / "lab/report/summary.schema.json").read_text())
FAULTY = Path(__file__).parent / "faulty"

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Compared:
    """What a comparison printed, and what its results say by variant."""

    done: subprocess.CompletedProcess[str]
    variants: Mapping[str, Any]
    violations: Mapping[str, Any]


def compare(cwd: Path, variants: str, scenario: str) -> subprocess.CompletedProcess[str]:
    """`lab compare --quick` with these variants, which are not of the shop, in a lab and a folder of its own."""
    folders = ["--services", str(ROOT / "examples"), "--services", str(FAULTY)]
    wanted = ["--variants", variants, "--scenario", scenario, "--quick"]
    return subprocess.run(
        [str(Path(sys.executable).parent / "lab"), "compare", *folders, *wanted],
        env={**os.environ, "LAB_DIR": str(cwd / "lab")},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """One that keeps the contract beside two that fail."""
    cwd = tmp_path_factory.mktemp("compared")
    done = compare(cwd, "minimal,crashing,breaking", "ping")
    run = cwd / "results" / "latest"
    summary = json.loads((run / "summary.json").read_text())
    jsonschema.validate(summary, SCHEMA)
    contracts = [json.loads(line) for line in (run / "contract.jsonl").read_text().splitlines()]
    return Compared(done, summary["variants"], {each["variant"]: each["violations"] for each in contracts})


def test_a_new_folder_is_checked_and_compared(compared: Compared) -> None:
    assert compared.violations["minimal"] == []
    assert was_measured(compared.variants["minimal"]), compared.done.stdout


def test_it_enters_no_scenario_whose_roles_it_does_not_play(tmp_path: Path) -> None:
    done = compare(tmp_path, "minimal", "browse")
    assert done.returncode == 2
    assert "minimal does not play catalog" in done.stderr
    assert not (tmp_path / "results").exists()


def test_variants_that_fail_are_told_apart_and_not_measured(compared: Compared) -> None:
    assert compared.done.returncode == 1
    assert {name: variant["status"] for name, variant in compared.variants.items() if name != "minimal"} == {
        "crashing": "void",
        "breaking": "void",
    }
    assert "this variant has lost its configuration" in compared.variants["crashing"]["reasons"][0]
    assert "breaks the contract" in compared.variants["breaking"]["reasons"][0]
    assert "curl" in compared.done.stdout
    assert "Traceback" not in compared.done.stderr
