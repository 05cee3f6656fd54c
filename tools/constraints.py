"""Resolves `constraints/*.txt` anew: development first, then each image within it, so that versions agree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "constraints"
OLDEST_PYTHON = "3.11"
IMAGES = ("fastapi", "django", "flask", "lab", "operator")


def compile_pins(extra: str, *options: str) -> None:
    argv = [
        str(Path(sys.executable).parent / "uv"),
        "pip",
        "compile",
        "--quiet",
        "--universal",
        *("--python-version", OLDEST_PYTHON),
        *("--extra", extra),
        "--no-annotate",
        "--no-header",
        *("--no-emit-package", "framework-lab"),
        *("--output-file", f"constraints/{extra}.txt"),
        *options,
        "pyproject.toml",
    ]
    subprocess.run(argv, cwd=ROOT, check=True)


def main() -> None:
    compile_pins("dev", "--upgrade")
    for image in IMAGES:
        compile_pins(image, "--upgrade", "--constraint", "constraints/dev.txt")
        sys.stdout.write(f"constraints/{image}.txt\n")


if __name__ == "__main__":
    main()
