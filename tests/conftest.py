"""One lab that many tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.runtimes.local import LocalRuntime, local_lab


@pytest.fixture(scope="session")
def lab_directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        yield Path(folder) / "lab"


@pytest.fixture(scope="session")
def runtime(lab_directory: Path) -> Iterator[LocalRuntime]:
    """Each test deploys and makes databases under names of its own."""
    with local_lab(lambda _: None, lab_directory) as runtime:
        yield runtime
