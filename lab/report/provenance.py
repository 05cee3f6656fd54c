"""Where a run's numbers come from: code, versions, machine, limits, seeds."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from lab.core.deployment import Facts
from lab.core.manifest import Manifest
from lab.core.telemetry import Telemetry

VERSIONS_TIMEOUT_S = 30


def provenance(
    facts: Facts,
    variants: Sequence[Manifest],
    seed: int,
    scenario: Mapping[str, Any],
    telemetry: Sequence[Telemetry],
    checked_with: Telemetry,
    versions_of: Callable[[Manifest], Sequence[str]],
    images: Mapping[str, str],
) -> dict[str, Any]:
    """`telemetry` is that of every trial, or the levels compared; the contract was checked with `checked_with`.

    `versions_of` gives the command that prints a variant's versions where it runs, as its manifest's `versions` does.
    `images` are the references of the container images built for the run, by name: of variants, and the lab's own.
    """
    return {
        "lab": version("framework-lab"),
        "git": git_state(Path(__file__).parent),
        "argv": sys.argv[1:],
        "seed": seed,
        "scenario": scenario,
        "telemetry": {"levels": [level.name for level in telemetry], "contract_checked_with": checked_with.name},
        "runtime": of_runtime(facts),
        "images": dict(images),
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total,
        },
        "variants": {
            variant.name: {
                "title": variant.title,
                "versions": _versions(variant, versions_of),
                "middleware": list(variant.middleware),
                "differences": list(variant.differences),
                "outside_contract": list(variant.outside_contract),
            }
            for variant in variants
        },
    }


def of_runtime(facts: Facts) -> dict[str, Any]:
    """Its limits are known once all that was to run has been deployed."""
    return {
        "name": facts.runtime,
        "pinning": facts.pinning,
        "limits": facts.limits,
        "components": dict(facts.components),
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """The commit and whether the tree differs from it; None outside a git checkout."""
    try:
        commit = _output(["git", "rev-parse", "HEAD"], folder)
        changed = _output(["git", "status", "--porcelain"], folder)
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit.strip(), "clean": not changed.strip()}


def _output(argv: Sequence[str], folder: Path) -> str:
    return subprocess.run(
        argv, cwd=folder, check=True, capture_output=True, text=True, timeout=VERSIONS_TIMEOUT_S
    ).stdout


def _versions(variant: Manifest, versions_of: Callable[[Manifest], Sequence[str]]) -> Any:
    if not variant.versions:
        return {}
    argv = versions_of(variant)
    try:
        return json.loads(_output(argv, variant.folder))
    except (OSError, subprocess.SubprocessError, json.JSONDecodeError) as error:
        return {"error": f"{shlex.join(argv)}: {error}"}  # costs this variant its versions, not the others their run


def _processor() -> str:
    """The processor's name as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
