"""Whose process is it, does it live, and does it end with all that it started?"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from lab.runtimes.supervision import processes
from lab.runtimes.supervision.children import Children, Command
from tests.polling import until

SLEEPS = "import time; print('up', flush=True); time.sleep(600)"
IGNORES = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"
HAS_A_CHILD = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {IGNORES!r}]); {IGNORES}"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", SLEEPS], stdout=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def test_a_living_process_is_found(sleeper: subprocess.Popen[bytes]) -> None:
    identity = processes.identify("sleeper", sleeper.pid)

    assert processes.find(identity) == psutil.Process(sleeper.pid)


def test_a_pid_that_someone_else_has_now_is_not_ours(sleeper: subprocess.Popen[bytes]) -> None:
    identity = processes.identify("sleeper", sleeper.pid)
    before = replace(identity, started=identity.started - 60)

    processes.end([before], patience_s=1)

    assert processes.find(before) is None
    assert sleeper.poll() is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system remembers when a process started")
def test_a_process_is_found_after_the_clock_was_set(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = processes.identify("sleeper", sleeper.pid)
    an_hour_later = psutil.boot_time() + 3600

    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: an_hour_later)

    assert processes.find(identity)


def test_a_zombie_has_ended(sleeper: subprocess.Popen[bytes]) -> None:
    identity = processes.identify("sleeper", sleeper.pid)

    sleeper.kill()
    until(lambda: psutil.Process(sleeper.pid).status() == psutil.STATUS_ZOMBIE, 5, "it is a zombie")

    assert processes.find(identity) is None


def test_a_session_whose_leader_has_ended_is_ended_too() -> None:
    leader = subprocess.Popen([sys.executable, "-c", HAS_A_CHILD], stdout=subprocess.PIPE, start_new_session=True)
    identity = processes.identify("leader", leader.pid)
    child = until(lambda: psutil.Process(leader.pid).children(), 5, "it has a child")[0]
    leader.kill()
    leader.wait()

    processes.end([identity], patience_s=0.2)

    assert not processes.lives(child)


def started(tmp_path: Path, code: str) -> Command:
    return Command("child", [sys.executable, "-c", code], tmp_path, {}, tmp_path / "child.log")


def test_a_child_is_on_record_from_its_start_to_its_end(tmp_path: Path) -> None:
    record: list[list[str]] = []

    async def run() -> int:
        children = Children(lambda: record.append([identity.name for identity in children.identities]))
        return await children.start(started(tmp_path, "raise SystemExit(3)")).wait()

    assert asyncio.run(run()) == 3
    assert record == [["child"], []]


def test_one_that_ignores_the_signal_is_killed_with_what_it_started(tmp_path: Path) -> None:
    async def run() -> tuple[int, list[psutil.Process]]:
        child = Children(lambda: None).start(started(tmp_path, HAS_A_CHILD))
        await asyncio.to_thread(until, lambda: child.last_lines().count("up") == 2, 5, "both ignore the signal")
        tree = processes.tree(child.identity)
        await child.stop(patience_s=0.1)
        return await child.wait(), tree

    exit_code, tree = asyncio.run(run())

    assert exit_code == -9
    assert len(tree) == 2
    assert not processes.wait(tree, patience_s=5)


def test_one_that_ends_while_it_is_stopped_has_its_exit_code(tmp_path: Path) -> None:
    pairs = 100  # what this is about happened in one of 13
    at_once = replace(started(tmp_path, ""), argv=["false"], environment=os.environ)

    async def run() -> set[int]:
        children = Children(lambda: None)
        exit_codes = set()
        for _ in range(pairs):
            first, second = children.start(at_once), children.start(at_once)
            async with asyncio.timeout(10):
                exit_codes.add(await first.wait())
                await second.stop()
                exit_codes.add(await second.wait())
        return exit_codes

    assert asyncio.run(run()) <= {1, -signal.SIGTERM}


def test_each_child_leads_a_session(tmp_path: Path) -> None:
    async def run() -> str:
        child = Children(lambda: None).start(started(tmp_path, "import os; print(os.getsid(0) == os.getpid())"))
        await child.wait()
        return child.last_lines()

    assert asyncio.run(run()) == "True"
