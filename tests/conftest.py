"""One lab that many tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.runtimes.local import LocalRuntime, local_lab


@pytest.fixture(scope="session")
def runtime() -> Iterator[LocalRuntime]:
    """Each test deploys and makes databases under names of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="lab-") as folder,
        local_lab(lambda _: None, Path(folder) / "lab") as runtime,
    ):
        yield runtime
