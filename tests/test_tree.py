"""The tree keeps its promises: no framework outside its variant's folder, pins without addresses, small modules."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FRAMEWORKS = re.compile(r"\b(fastapi|starlette|django|flask|werkzeug|uvicorn|gunicorn|litestar)", re.IGNORECASE)
SERVERS = re.compile(r"\b(uvicorn|gunicorn)", re.IGNORECASE)

# Prose, packaging metadata, variants that are not ours, and tests, which say by name what they try.
MAY_NAME_FRAMEWORKS = ("docs/", "constraints/", "examples/", "tests/", "README.md", "CHANGELOG.md", "CONTRIBUTING.md")
PACKAGING = ("pyproject.toml", "Makefile", "tools/constraints.py")


def tracked() -> list[str]:
    argv = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()


def text(name: str) -> str:
    return (ROOT / name).read_text(errors="replace") if (ROOT / name).is_file() else ""


def test_no_framework_is_named_outside_its_variants_folder() -> None:
    named = []
    for name in tracked():
        if name.startswith(MAY_NAME_FRAMEWORKS) or name in PACKAGING or re.match(r"services/\w+_service/", name):
            continue
        for number, line in enumerate(text(name).splitlines(), 1):
            if name.startswith("services/serving/"):
                line = SERVERS.sub("", line)
            if match := FRAMEWORKS.search(line):
                named.append(f"{name}:{number}: {match[0]}")
    assert named == []


def test_a_variant_names_no_other_framework() -> None:
    own = {"fastapi": "fastapi|starlette|uvicorn", "django": "django|gunicorn", "flask": "flask|werkzeug|gunicorn"}
    named = []
    for name in tracked():
        if match := re.match(r"services/(\w+)_service/", name):
            for found in FRAMEWORKS.findall(text(name)):
                if not re.fullmatch(own[match[1]], found, re.IGNORECASE):
                    named.append(f"{name}: {found}")
    assert named == []


@pytest.mark.parametrize("path", sorted((ROOT / "constraints").glob("*.txt")), ids=lambda path: path.name)
def test_pins_are_exact_and_carry_no_address(path: Path) -> None:
    pin = re.compile(r"[a-z0-9.-]+(\[[a-z,]+\])?==[^ ]+( ; .+)?")
    assert [line for line in path.read_text().splitlines() if not pin.fullmatch(line)] == []


def test_modules_stay_small() -> None:
    long = {name: text(name).count("\n") for name in tracked() if name.endswith(".py")}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}
