"""Real programs that stand in for real ones: small shell scripts, in the only folder where programs are found."""

from __future__ import annotations

from pathlib import Path


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
