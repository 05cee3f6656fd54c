"""Labs for as long as a command needs one, or until `lab down`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.errors import RuntimeFailure
from lab.runtimes.local import client
from lab.runtimes.local.client import TiedSupervisor
from lab.runtimes.local.runtime import LocalRuntime
from lab.runtimes.supervision.place import lab_directory

OnStep = Callable[[str], None]


@contextmanager
def local_lab(on_step: OnStep, directory: Path | None = None) -> Iterator[LocalRuntime]:
    """The lab that is up in `directory` (default: `LAB_DIR`), or one that is gone when the block is left.

    What the block has deployed is removed in either case. It may be interrupted at any moment.
    """
    directory = directory or lab_directory(os.environ)
    found = client.find(directory)
    if found is None:
        with _new_lab(directory, on_step) as (runtime, _):
            yield runtime
        return
    if not found.ask("status")["detached"]:
        raise RuntimeFailure(f"another command uses the lab in {directory}; wait for it, or set LAB_DIR to another one")
    runtime = LocalRuntime(found, on_step)
    try:
        yield runtime
    finally:
        runtime.remove_all()


@contextmanager
def lasting_lab(on_step: OnStep, directory: Path) -> Iterator[LocalRuntime]:
    """A new lab, which stays up when the block is left without an exception, and is gone otherwise."""
    with _new_lab(directory, on_step) as (runtime, detach):
        yield runtime
        detach()


@contextmanager
def _new_lab(directory: Path, on_step: OnStep) -> Iterator[tuple[LocalRuntime, Callable[[], None]]]:
    on_step(f"starting PostgreSQL and Valkey in {directory}")
    with TiedSupervisor(directory) as supervisor:
        asked = supervisor.client()
        yield LocalRuntime(asked, on_step), lambda: supervisor.detach(asked)
