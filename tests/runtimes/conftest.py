"""Labs for tests: one that many share, and directories for those that need their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.runtimes.local import LocalRuntime, client, local_lab
from tests.runtimes.made import processes_of


@pytest.fixture(scope="session")
def runtime() -> Iterator[LocalRuntime]:
    """A lab that many tests share: each deploys under names of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="lab-") as folder,
        local_lab(lambda _: None, Path(folder) / "lab") as runtime,
    ):
        yield runtime


@pytest.fixture
def directory() -> Iterator[Path]:
    """For a lab of the test's own, of which nothing may run when the test has ended."""
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        directory = Path(folder) / "lab"
        yield directory
        left = processes_of(directory)
        client.down(directory)
        assert left == []
