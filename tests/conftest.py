"""One lab that many tests share; and which tests share a process, where there are several (`pytest -n 2`)."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from lab.runtimes.local import LocalRuntime, local_lab
from lab.tree import SERVICES
from lab.variants import load_manifests

# Whatever this machine could do: only tests/cluster need a cluster, and they say so.
os.environ["LAB_RUNTIME"] = "local"

# Longer names first, since one may begin with another one.
OF_VARIANT = re.compile(rf"\[({'|'.join(map(re.escape, sorted(load_manifests([SERVICES]), reverse=True)))})\b")


class _Together(LoadScopeScheduling):  # type: ignore[misc]
    """The tests of one file share what it makes; those in `variants` the services of their variant."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, test = nodeid.partition("::")
        of_variant = OF_VARIANT.search(test) if path.startswith("tests/variants/") else None
        return of_variant[1] if of_variant else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Together:
    return _Together(config, log)


@pytest.fixture(scope="session")
def lab_directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        yield Path(folder) / "lab"


@pytest.fixture(scope="session")
def runtime(lab_directory: Path) -> Iterator[LocalRuntime]:
    """Each test deploys and makes databases under names of its own."""
    with local_lab(lambda _: None, lab_directory) as runtime:
        yield runtime


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What a test counted, wherever it ran."""
    for report in terminalreporter.getreports("passed"):
        if report.when == "call":
            for name, value in report.user_properties:
                terminalreporter.write_line(f"{name}: {value}")
