"""Directories for tests that need a lab of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.runtimes.local import client
from tests.runtimes.made import processes_of


@pytest.fixture
def directory() -> Iterator[Path]:
    """For a lab of the test's own, of which nothing may run when the test has ended."""
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        directory = Path(folder) / "lab"
        yield directory
        left = processes_of(directory)
        client.down(directory)
        assert left == []
