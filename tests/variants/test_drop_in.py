"""A folder is a variant: one that the lab has never seen is checked, and compared where it can be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from lab.tree import ROOT

SCHEMA = json.loads((ROOT / "lab/report/summary.schema.json").read_text())
FAULTY = Path(__file__).parent / "faulty"

pytestmark = pytest.mark.slow


def compare(cwd: Path, services: Path, variants: str, scenario: str) -> subprocess.CompletedProcess[str]:
    """`lab compare --quick` with these variants beside those of the shop, in a lab and a folder of its own."""
    arguments = ["--services", str(services), "--variants", variants, "--scenario", scenario, "--quick"]
    return subprocess.run(
        [str(Path(sys.executable).parent / "lab"), "compare", *arguments],
        env={**os.environ, "LAB_DIR": str(cwd / "lab")},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_new_folder_is_checked_and_compared(tmp_path: Path) -> None:
    done = compare(tmp_path, ROOT / "examples", "minimal", "ping")
    run = tmp_path / "results" / "latest"
    summary = json.loads((run / "summary.json").read_text())
    jsonschema.validate(summary, SCHEMA)
    contract = json.loads((run / "contract.jsonl").read_text())
    assert (contract["variant"], contract["violations"]) == ("minimal", []), done.stdout
    assert summary["variants"]["minimal"]["held_per_s"], done.stdout


def test_it_enters_no_scenario_whose_roles_it_does_not_play(tmp_path: Path) -> None:
    done = compare(tmp_path, ROOT / "examples", "minimal", "browse")
    assert done.returncode == 2
    assert "minimal does not play catalog" in done.stderr
    assert not (tmp_path / "results").exists()


def test_variants_that_fail_are_told_apart_and_not_measured(tmp_path: Path) -> None:
    done = compare(tmp_path, FAULTY, "crashing,breaking", "ping")
    summary = json.loads((tmp_path / "results" / "latest" / "summary.json").read_text())
    assert done.returncode == 1
    assert {name: variant["status"] for name, variant in summary["variants"].items()} == {
        "crashing": "void",
        "breaking": "void",
    }
    assert "this variant has lost its configuration" in summary["variants"]["crashing"]["reasons"][0]
    assert "breaks the contract" in summary["variants"]["breaking"]["reasons"][0]
    assert "curl" in done.stdout
    assert "Traceback" not in done.stderr
