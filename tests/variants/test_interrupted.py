"""Ctrl-C in the middle of a comparison: exit code 130, and nothing is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lab.tree import ROOT
from tests.polling import until

ARGUMENTS = ["--services", str(ROOT / "examples"), "--variants", "minimal", "--scenario", "ping", "--quick"]

pytestmark = pytest.mark.slow


def living(directory: Path) -> list[int]:
    """Processes that know this lab's directory, from their environment or arguments."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        told = [*(process.info["cmdline"] or ()), *(process.info["environ"] or {}).values()]
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(directory) in text for text in told):
            found.append(process.pid)
    return found


@pytest.mark.parametrize("moment", ["Placed:", "contract ", "trial "])
def test_nothing_is_left(tmp_path: Path, moment: str) -> None:
    output = tmp_path / "output"
    with output.open("wb") as file:
        command = subprocess.Popen(
            [str(Path(sys.executable).parent / "lab"), "compare", *ARGUMENTS],
            env={**os.environ, "LAB_DIR": str(tmp_path / "lab")},
            cwd=tmp_path,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    until(lambda: moment in output.read_text(), 60, f"{moment!r} in the output")
    command.send_signal(signal.SIGINT)
    assert command.wait(30) == 130
    assert output.read_text().endswith("Interrupted; nothing was left running.\n")
    assert living(tmp_path) == []
