"""A folder is a variant: one that the lab has never seen is checked and compared where it can be."""

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

pytestmark = pytest.mark.slow


def lab(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "lab"), *arguments],
        env={**os.environ, "LAB_DIR": str(folder / "lab")},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_new_folder_is_checked_and_compared(tmp_path: Path) -> None:
    done = lab(
        tmp_path,
        "compare",
        "--services",
        str(ROOT / "examples"),
        "--variants",
        "minimal",
        "--scenario",
        "ping",
        "--quick",
    )
    run = tmp_path / "results" / "latest"
    summary = json.loads((run / "summary.json").read_text())
    jsonschema.validate(summary, SCHEMA)
    contract = json.loads((run / "contract.jsonl").read_text())
    assert (contract["variant"], contract["violations"]) == ("minimal", []), done.stdout
    assert summary["variants"]["minimal"]["held_per_s"], done.stdout


def test_it_enters_no_scenario_whose_roles_it_does_not_play(tmp_path: Path) -> None:
    done = lab(
        tmp_path, "compare", "--services", str(ROOT / "examples"), "--variants", "minimal", "--scenario", "browse"
    )
    assert done.returncode == 2
    assert "minimal does not play catalog" in done.stderr
    assert not (tmp_path / "results").exists()
