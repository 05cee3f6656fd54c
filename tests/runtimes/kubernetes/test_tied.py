"""Commands that run beside the lab end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil

from lab.runtimes.kubernetes.tied import tied
from tests.polling import until

ENDS_WITHIN_S = 10.0
TELLS_ITS_PID = ("sh", "-c", "sleep 60 & echo $!; wait $!")

# A lab that is killed while a command runs beside it.
LAB = f"""
import sys
from lab.runtimes.kubernetes.tied import tied
with tied({TELLS_ITS_PID!r}) as process:
    sys.stdout.buffer.write(process.stdout.readline())
    sys.stdout.flush()
    process.wait()
"""


def test_it_has_ended_with_all_its_children_when_the_block_is_left() -> None:
    with tied(TELLS_ITS_PID) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        assert psutil.pid_exists(pid)

    until(lambda: not psutil.pid_exists(pid), ENDS_WITHIN_S, f"{pid} to end")


def test_it_ends_with_a_lab_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", LAB], stdout=subprocess.PIPE) as lab:
        assert lab.stdout
        pid = int(lab.stdout.readline())
        os.kill(lab.pid, signal.SIGKILL)

        until(lambda: not psutil.pid_exists(pid), ENDS_WITHIN_S, f"{pid} to end")


def test_what_it_says_and_how_it_ends() -> None:
    with tied(("sh", "-c", "echo out; echo error >&2; exit 3")) as process:
        assert process.stdout
        assert process.stdout.read() == b"out\nerror\n"
        assert process.wait() == 3


def test_a_program_that_is_not_there() -> None:
    with tied(("no-such-program",)) as process:
        assert process.stdout
        assert process.stdout.read() == b"no-such-program: No such file or directory\n"
        assert process.wait() == 127
