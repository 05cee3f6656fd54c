"""`lab up`, `status`, `scale`, `logs` and `down`, as someone uses them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import psycopg
import pytest
from click.testing import CliRunner

from lab.cli import runtime as commands
from lab.cli import up
from lab.cli.explain import explain_command
from lab.cli.main import INTERRUPTED
from lab.errors import InputError, RuntimeFailure
from lab.runtimes.local import LocalRuntime, client
from lab.runtimes.supervision.ports import SHARED_PORTS
from tests.polling import until
from tests.runtimes.made import HERE, get, processes_of

pytestmark = pytest.mark.slow

FOLDER = ("--services", str(HERE / "variants"))


def lab(command: click.Command, *arguments: str) -> str:
    """What the command printed. Its errors are raised, as the command line gets them."""
    return CliRunner(env={"COLUMNS": "200"}).invoke(command, arguments, catch_exceptions=False).output


@pytest.fixture
def lab_dir(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_DIR", str(directory))
    return directory


def test_a_day_with_a_lab(lab_dir: Path) -> None:
    said = lab(up.up_command, *FOLDER, "--variants", "fake")
    urls = dict(re.findall(r"(fake-\w+): (http://\S+), ready", said))
    assert list(urls) == ["fake-catalog", "fake-orders"]
    assert f'"CATALOG_URL": "{urls["fake-catalog"]}"' in get(f"{urls['fake-orders']}/environment").decode()

    again = lab(up.up_command, *FOLDER, "--variants", "fake")
    assert again == f"A lab is up in {lab_dir} already. See lab status; end it with lab down.\n"

    assert lab(commands.scale_command, "fake-catalog", "2") == "fake-catalog: 2\n"
    status = lab(commands.status_command)
    assert [status.count(name) for name in ("fake-catalog-1", "fake-catalog-2", "fake-orders-1")] == [1, 1, 1]
    assert status.count("ready") == 3
    assert re.search(r"postgresql 18\.\d+  pid \d+  postgresql://lab@/postgres\?host=", status)
    assert re.search(r"valkey 9\.[\d.]+  pid \d+  unix://", status)

    port = urls["fake-catalog"].rpartition(":")[2]
    assert lab(commands.logs_command, "fake-catalog").splitlines() == [
        f"fake-catalog-1  serving on {port}",
        f"fake-catalog-2  serving on {port}",
    ]

    assert lab(commands.down_command) == f"Ended the lab in {lab_dir}.\n"
    assert processes_of(lab_dir) == []
    assert lab(commands.down_command) == f"No lab is up in {lab_dir}.\n"


@pytest.mark.skipif(not SHARED_PORTS, reason="ports are shared on Linux only")
def test_a_lab_that_scales_itself_explains_each_service(lab_dir: Path) -> None:
    said = lab(up.up_command, *FOLDER, "--variants", "fake", "--autoscale", "2-3")
    assert "Services are scaled, from 2 to 3 replicas: see lab explain.\n" in said

    explained = until(lambda: decided("fake-orders"), 10, "a first decision")
    assert "\n2 stay: no replica tells what it does\n" in explained  # the fake has no metrics
    assert "\nReplicas: 2 now, 2 wanted.\n" in explained

    assert lab(commands.down_command) == f"Ended the lab in {lab_dir}.\n"
    assert processes_of(lab_dir) == []


def decided(service: str) -> str:
    """What `lab explain` says, once there was a decision."""
    said = lab(explain_command, service)
    return "" if said == f"Nothing was decided yet for {service}.\n" else said


def test_a_variant_that_crashes_at_start_is_shown_and_nothing_stays(lab_dir: Path) -> None:
    with pytest.raises(RuntimeFailure, match=r"exit code 1 from: env -C .*\n  the fake crashes, as it was told"):
        lab(up.up_command, *FOLDER, "--variants", "faulty")

    assert client.find(lab_dir) is None


@pytest.mark.usefixtures("lab_dir")
@pytest.mark.parametrize("command", [commands.status_command, commands.scale_command])
def test_without_a_lab_it_says_how_to_start_one(command: click.Command) -> None:
    arguments = ["fake-catalog", "2"] if command is commands.scale_command else []

    with pytest.raises(RuntimeFailure, match=r"no lab is up in .*; start one: lab up"):
        lab(command, *arguments)


WRONG = [
    # case                             arguments                                problems
    ("unknown variant", ["--variants", "fake,other"], ["--variants: there is no variant other; there are "]),
    ("unknown in a stack", ["--stack", "catalog=other"], ["--stack: there is no variant other; there are "]),
    (
        "a role it does not play",
        ["--stack", "catalog=faulty"],
        ["--stack: faulty does not play catalog; it plays ping only"],
    ),
    ("a role twice", ["--stack", "catalog=fake,catalog=fake"], ["--stack: catalog is named twice"]),
    ("orders alone", ["--stack", "orders=fake"], ["--stack: orders needs catalog, which nobody plays"]),
    ("both", ["--stack", "fake", "--variants", "fake"], ["--variants and --stack exclude each other"]),
    ("a range of nothing", ["--autoscale", "3-2"], ["--autoscale: 3-2 is not MIN-MAX, from 1 on; for example"]),
    ("no number", ["--autoscale", "4"], ["--autoscale: 4 is not MIN-MAX"]),
    (
        "an autoscaler that learns nothing",
        ["--autoscale", "--telemetry", "off", "--replicas", "2"],
        ["--autoscale: nothing tells how many replicas are needed", "--replicas and --autoscale exclude each other"],
    ),
]


@pytest.mark.usefixtures("lab_dir")
@pytest.mark.parametrize(("arguments", "problems"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_input_names_every_problem(arguments: list[str], problems: list[str]) -> None:
    with pytest.raises(InputError) as error:
        lab(up.up_command, *FOLDER, *arguments)

    assert len(error.value.problems) == len(problems)
    for found, expected in zip(error.value.problems, problems, strict=True):
        assert found.startswith(expected)


@pytest.mark.usefixtures("lab_dir")
def test_logs_of_nobody_are_wrong_input() -> None:
    with pytest.raises(InputError, match="no log of fake; no lab ran here"):
        lab(commands.logs_command, "fake")


def test_following_logs_ends_with_an_interruption_and_says_nothing_of_the_lab(tmp_path: Path) -> None:
    log, output = tmp_path / "logs" / "fake-1.log", tmp_path / "output"
    log.parent.mkdir()
    log.write_text("serving\n")
    with output.open("wb") as file:
        following = subprocess.Popen(
            [sys.executable, "-c", "from lab.cli.main import main; main()", "logs", "-f", "fake"],
            env={"LAB_DIR": str(tmp_path)},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    until(output.read_text, 20, "a line of the log")
    following.send_signal(signal.SIGINT)
    assert following.wait(10) == INTERRUPTED
    assert output.read_text() == "serving\n"


def test_a_migrated_database_is_seeded(runtime: LocalRuntime) -> None:
    url = runtime.database_url("by_hand")
    with psycopg.connect(runtime.database_url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE by_hand")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE stock (product_id bigint, quantity bigint)")

    with pytest.raises(InputError, match="1 problem in the database by_hand\n  product: no such table"):
        lab(commands.seed_command, url)
