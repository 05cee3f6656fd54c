"""`lab watch`, as someone uses it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.cli.main import run
from lab.cli.watch import watch_command
from lab.core.deployment import Deployment
from lab.core.manifest import Manifest
from lab.core.telemetry import OFF, Mode, Telemetry
from lab.runtimes.local import LocalRuntime, client, local_lab
from tests.polling import until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
WIDTH = 80


def deployment(variant: str, role: str, telemetry: Telemetry, replicas: int = 1) -> Deployment:
    played = Manifest(
        name=variant,
        title="Exposing",
        folder=ROOT,
        roles=("catalog", "orders"),
        start=("{python}", "-m", "tests.cli.exposing_service"),
        migrate=(),
        versions=(),
        baselines={},
        middleware=(),
        differences=(),
        outside_contract=(),
    )
    return Deployment(f"{variant}-{role}", played, role, replicas=replicas, telemetry=telemetry)


@pytest.fixture(scope="module")
def services(runtime: LocalRuntime) -> Iterator[list[str]]:
    """Two of one variant, one of them with metrics, and one of another."""
    deployments = [
        deployment("watched", "orders", OFF),
        deployment("watched", "catalog", Telemetry(Mode.METRICS), replicas=2),
        deployment("another", "catalog", Telemetry(Mode.METRICS)),
    ]
    yield [runtime.deploy(one).name for one in deployments]
    for one in deployments:
        runtime.remove(one.name)


@pytest.fixture(scope="module")
def shown(services: list[str], lab_directory: Path) -> list[str]:
    """The lines of one table."""
    runner = CliRunner(env={"COLUMNS": str(WIDTH), "LAB_DIR": str(lab_directory)})
    return runner.invoke(watch_command, ["--once", "--every", "0.5"], catch_exceptions=False).output.splitlines()


NUMBER = r"\d+(\.\d+)?"
ROWS = [
    # case                           its row                     ready  rate   5xx p50   p99   flight queue busy
    ("with metrics", rf"another +catalog +1/1 +{NUMBER} +10\.0 +17\.5 +24\.9 +4 +56 +0 +{NUMBER} +{NUMBER}"),
    ("replicas are summed", rf"watched +catalog +2/2 +{NUMBER} +10\.0 +17\.5 +24\.9 +8 +112 +0 +{NUMBER} +{NUMBER}"),
    ("telemetry off, the variant's second", rf" +orders +1/1 +– +– +– +– +– +– +– +{NUMBER} +{NUMBER}"),
]


@pytest.mark.parametrize("row", [case[1] for case in ROWS], ids=[case[0] for case in ROWS])
def test_each_service_has_a_row(shown: list[str], row: str) -> None:
    assert [line for line in shown if re.fullmatch(rf"{row} *", line)] != [], "\n".join(shown)


def test_it_says_how_to_turn_telemetry_on(shown: list[str]) -> None:
    told = " ".join(" ".join(shown).split())
    assert re.search(r"Telemetry is off in [^:]*\bwatched-orders: lab up --telemetry metrics", told)


def test_the_table_fits_a_terminal(shown: list[str]) -> None:
    assert [line for line in shown if len(line) > WIDTH or "…" in line] == []


def test_a_runtime_gives_the_metrics_of_a_service_unless_they_are_off(
    services: list[str], runtime: LocalRuntime
) -> None:
    found = {name: [scrape.replica for scrape in runtime.metrics(name)] for name in services}
    assert found == {
        "watched-orders": [],
        "watched-catalog": ["watched-catalog-1", "watched-catalog-2"],
        "another-catalog": ["another-catalog-1"],
    }


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        yield Path(folder) / "lab"


def test_it_ends_with_the_lab_and_with_an_interruption(directory: Path, tmp_path: Path) -> None:
    def watching(name: str) -> tuple[subprocess.Popen[bytes], Path]:
        output = tmp_path / name
        code = "from lab.cli.main import main; main()"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-c", code, "watch", "--every", "0.5"],
                env={"LAB_DIR": str(directory)},
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        return process, output

    def tables(output: Path) -> int:
        return output.read_text().count("No service runs.")

    with local_lab(lambda _: None, directory):
        (interrupted, first), (ending, second) = watching("interrupted"), watching("ending")
        until(lambda: tables(first) and tables(second), 20, "both watch")
        interrupted.send_signal(signal.SIGINT)
        assert interrupted.wait(10) == 130
        assert "Traceback" not in first.read_text()
    assert client.find(directory) is None
    assert ending.wait(20) == 0
    assert second.read_text().splitlines()[-1] == f"The lab in {directory} has ended."


@pytest.mark.parametrize("every", ["inf", "nan", "0", "1e30"])
def test_an_interval_of_no_sense_is_wrong_input(every: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watch", "--every", every]) == 2
    assert "Invalid value for '--every'" in capsys.readouterr().err


def test_without_a_lab_it_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_DIR", str(tmp_path))
    assert run(["watch"]) == 1
    assert capsys.readouterr().err == f"no lab is up in {tmp_path}; start one: lab up\n"
