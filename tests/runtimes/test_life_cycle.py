"""A lab leaves nothing behind, however it ends: by itself, interrupted, killed, or with its supervisor killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from lab.errors import InputError, RuntimeFailure
from lab.runtimes.local import client, lasting_lab, local_lab
from lab.runtimes.supervision import state
from lab.runtimes.supervision.plans import plan
from lab.runtimes.supervision.protocol import line
from lab.tree import ROOT
from tests.polling import until
from tests.runtimes.made import deployment, get, processes_of, variant

pytestmark = pytest.mark.slow

MOMENTS = 10


@contextmanager
def command(directory: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-m", "tests.runtimes.using_a_lab", str(directory), *arguments]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def all_up(process: subprocess.Popen[str]) -> float:
    """Seconds that it took."""
    begun = time.monotonic()
    assert process.stdout
    assert process.stdout.readline() == "all up\n"
    return time.monotonic() - begun


def nothing_left(directory: Path) -> bool:
    return state.read(directory) is None and not processes_of(directory)


def test_a_lab_for_one_command_is_gone_with_it(directory: Path) -> None:
    with local_lab(lambda _: None, directory) as runtime:
        url = runtime.deploy(deployment("one", "forking", replicas=2)).url
        assert get(f"{url}/ping")
        assert len(processes_of(directory)) > 6

    assert nothing_left(directory)
    assert {path.name for path in directory.iterdir()} == {"lock", "logs", "supervisor.log"}


def test_interrupted_at_any_moment_of_its_start_it_leaves_nothing(directory: Path) -> None:
    with command(directory) as process:
        takes_s = all_up(process)
        process.send_signal(signal.SIGINT)
        process.wait(10)
    until(lambda: nothing_left(directory), 5, "nothing is left after an interruption when all was up")

    for moment in range(1, MOMENTS + 1):
        with command(directory) as process:
            with suppress(subprocess.TimeoutExpired):
                process.wait(takes_s * moment / (MOMENTS + 1))
            process.send_signal(signal.SIGINT)
            process.wait(10)
        until(lambda: nothing_left(directory), 5, f"nothing is left after an interruption at {moment} of {MOMENTS}")


def test_when_the_command_is_killed_the_supervisor_ends_everything(directory: Path) -> None:
    with command(directory) as process:
        all_up(process)
        process.kill()

    until(lambda: nothing_left(directory), 10, "nothing is left of a killed command")


@pytest.fixture
def killed(directory: Path) -> Path:
    """A lab whose supervisor was killed while a replica ran."""
    with lasting_lab(lambda _: None, directory) as runtime:
        runtime.deploy(deployment("one", "forking"))
    found = state.read(directory)
    assert found
    supervisor = psutil.Process(found.supervisor.pid)
    supervisor.kill()
    assert not psutil.wait_procs([supervisor], timeout=5)[1]
    return directory


def test_when_the_supervisor_is_killed_the_next_command_says_so_and_down_ends_the_rest(killed: Path) -> None:
    said = r"supervisor of the lab in .* was killed; 3 processes that it started are still running\. End them: lab down"
    with pytest.raises(RuntimeFailure, match=said):
        client.require(killed)
    with pytest.raises(RuntimeFailure, match=said), local_lab(lambda _: None, killed):
        pass

    client.down(killed)

    assert nothing_left(killed)


def test_a_lab_that_lasts_is_used_and_left_up_by_commands(directory: Path) -> None:
    with lasting_lab(lambda _: None, directory) as runtime:
        url = runtime.deploy(deployment("lasting")).url

    with local_lab(lambda _: None, directory) as shared:
        shared.deploy(deployment("passing"))
        database_url = shared.database(variant(), "passing")

    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(database_url)
    assert [service["name"] for service in client.require(directory).ask("status")["services"]] == ["lasting"]
    assert get(f"{url}/ping")
    assert client.down(directory)
    assert nothing_left(directory)
    assert not client.down(directory)


def test_a_lab_that_fails_to_start_its_services_does_not_last(directory: Path) -> None:
    with pytest.raises(RuntimeFailure, match="as it was told"), lasting_lab(lambda _: None, directory) as runtime:
        runtime.deploy(deployment("one", "crash"))

    assert nothing_left(directory)


def test_two_labs_at_once_do_not_meet(directory: Path) -> None:
    other = directory.with_name("other")
    with local_lab(lambda _: None, directory) as first, local_lab(lambda _: None, other) as second:
        urls = {lab.deploy(deployment("same", replicas=2)).url for lab in (first, second)}
        pids = {pid for lab in (first, second) for usage in lab.usage("same") for pid in usage.pids}

        assert len(urls) == 2
        assert len(pids) == 4
        assert first.database_url("one") != second.database_url("one")
        assert first.token_key() != second.token_key()


def test_one_directory_is_one_commands_at_a_time(directory: Path) -> None:
    with local_lab(lambda _: None, directory):
        with (
            pytest.raises(RuntimeFailure, match="another command uses the lab in"),
            local_lab(lambda _: None, directory),
        ):
            pass
        opened = pytest.raises(RuntimeFailure, match="another command has opened the lab in")
        with opened, client.TiedSupervisor(directory) as supervisor:
            supervisor.client()


def test_a_command_that_gives_up_ends_what_was_started_for_it(directory: Path) -> None:
    with lasting_lab(lambda _: None, directory):
        pass
    servers = len(processes_of(directory))
    wanted = plan(
        deployment("one", "unready"), sys.executable, directory / "token-key", directory / "model", os.environ
    )
    opened = state.read(directory)
    assert opened

    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(opened.place.control))
        connection.sendall(line({"verb": "deploy", "plan": wanted.document()}))
        until(lambda: len(processes_of(directory)) > servers, 5, "a replica runs that will never be ready")

    until(lambda: len(processes_of(directory)) == servers, 5, "the replica has ended")
    assert client.require(directory).ask("status")["services"] == []
    client.down(directory)


def test_without_permission_to_write_it_is_wrong_input(directory: Path) -> None:
    directory.touch()

    said = r"cannot write in .*; set LAB_DIR to a directory of your own"
    with pytest.raises(InputError, match=said), local_lab(lambda _: None, directory / "below-a-file"):
        pass
    directory.unlink()


def test_ports_that_make_no_sense_are_wrong_input(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_PORTS", "many")

    with pytest.raises(InputError, match="'many' is not a range of ports"), local_lab(lambda _: None, directory):
        pass
