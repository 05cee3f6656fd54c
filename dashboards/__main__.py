"""Writes the dashboards to where the platform's chart reads them: `python -m dashboards`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from dashboards.catalogue import DASHBOARDS
from dashboards.render import rendered
from lab.tree import ROOT

FOLDER = ROOT / "helm" / "platform" / "dashboards"


def files() -> Mapping[Path, str]:
    """What is to be in the folder, and nothing else."""
    return {FOLDER / f"{dashboard.name}.json": rendered(dashboard) for dashboard in DASHBOARDS}


def main() -> None:
    wanted = files()
    for path in set(FOLDER.glob("*.json")) - wanted.keys():
        path.unlink()
    for path, text in wanted.items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
