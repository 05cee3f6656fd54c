"""The embedded runtime sizes a service by its load, with the operator's decision."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from scaler.spec import Behavior, Spec

from lab.cli.explain import explain_command
from lab.cli.runtime import logs_command
from lab.core.telemetry import Mode, Telemetry
from lab.errors import RuntimeFailure
from lab.load.generator import WorkerGenerator
from lab.runtimes.local import LocalRuntime
from lab.runtimes.supervision import ports
from lab.runtimes.supervision.autoscaling import Autoscaler
from lab.runtimes.supervision.replicas import RunningReplica
from lab.tree import ROOT
from tests.load.server import make_load
from tests.polling import until
from tests.runtimes.made import deployment, variant

WAITING = replace(variant("waiting"), folder=ROOT, start=("{python}", "-m", "tests.runtimes.waiting_service"))
METRICS = Telemetry(Mode.METRICS)
# Everything happens sooner than by default, which takes minutes.
QUICK = Behavior(short_window_s=2.0, long_window_s=10.0, drain_s=5.0, hold_s=2.0)
EVERY_S = 0.5


@pytest.fixture
def name(runtime: LocalRuntime, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a service that is gone after the test."""
    name = request.node.name.removeprefix("test_").replace("_", "-")
    yield name
    runtime.remove(name)


class Reached(Exception):
    """The load has done what it was for."""


@pytest.mark.slow
@pytest.mark.skipif(not ports.SHARED_PORTS, reason="ports are shared on Linux only")
def test_replicas_follow_the_load(runtime: LocalRuntime, lab_directory: Path, name: str) -> None:
    service = runtime.deploy(replace(deployment(name), variant=WAITING, telemetry=METRICS))
    runtime.autoscale(name, Spec(max_replicas=3, behavior=QUICK), EVERY_S)

    def ready() -> int:
        return sum(usage.alive for usage in runtime.usage(name))

    def until_there_are_three() -> None:
        if ready() == 3:
            raise Reached

    def said(command: click.Command, *arguments: str) -> str:
        environment = {"COLUMNS": "200", "LAB_DIR": str(lab_directory)}
        return CliRunner(env=environment).invoke(command, arguments, catch_exceptions=False).output

    with WorkerGenerator(runtime.generator_cpus()) as generator:
        # One replica is to carry 28/s, which is 70 % of what it can.
        with pytest.raises(Reached):
            generator.run(make_load(service.url, rate_per_s=60, duration_s=60), until_there_are_three)
        generator.interrupt()
    until(lambda: ready() == 1, 60, "one replica is left of those that the load needed")

    timeline = json.loads(said(explain_command, name, "--json"))["timeline"]
    moves = [(one["replicas"], one["desired"]) for one in timeline if one["replicas"] != one["desired"]]
    assert (moves[0][0], moves[-1]) == (1, (2, 1))
    assert re.search(r"1 → [23]: \S+ a second arrive", said(explain_command, name))
    assert re.search(rf"\d\d:\d\d:\d\d  {name}: 2 → 1: ", said(logs_command, "autoscaler"))


@pytest.mark.slow
def test_who_tells_nothing_is_not_scaled(runtime: LocalRuntime, name: str) -> None:
    runtime.deploy(deployment(name))

    with pytest.raises(RuntimeFailure, match=f"^telemetry is off in {name}, so nothing tells how many replicas"):
        runtime.autoscale(name, Spec(max_replicas=2))


@pytest.mark.slow
@pytest.mark.skipif(not ports.SHARED_PORTS, reason="ports are shared on Linux only")
def test_connections_for_the_most_replicas_are_set_aside(runtime: LocalRuntime, name: str) -> None:
    url = runtime.database_url("postgres")
    runtime.deploy(replace(deployment(name, database_url=url), variant=WAITING, telemetry=METRICS))
    runtime.autoscale(name, Spec(max_replicas=40))

    with pytest.raises(RuntimeFailure, match=f"{name}: 40 x 4 = 160"):
        runtime.deploy(deployment(f"{name}-other", replicas=10, database_url=url))


class Breaking:
    """A service that can't be looked at the first time, and of which no replica starts."""

    asked = 1
    changing = False

    def __init__(self) -> None:
        self.looks = 0

    @property
    def replicas(self) -> Sequence[RunningReplica]:
        self.looks += 1
        if self.looks == 1:
            raise RuntimeError("as it was told")
        return []

    async def scale(self, replicas: int) -> None:
        raise RuntimeFailure("exit code 1 from: a replica")


class Starting:
    """A service whose first change never ends, and that somebody else asked for five replicas meanwhile."""

    asked = 1
    changing = False

    def __init__(self) -> None:
        self.looks = 0

    @property
    def replicas(self) -> Sequence[RunningReplica]:
        self.looks += self.changing
        return []

    async def scale(self, replicas: int) -> None:
        self.changing, self.asked = True, 5
        await asyncio.Event().wait()


def ticks(autoscaler: Autoscaler, until_this: Callable[[], bool], what: str) -> None:
    """One after the other, until something is so."""

    async def keep() -> None:
        keeping = asyncio.create_task(autoscaler.keep())
        waiting = asyncio.create_task(asyncio.to_thread(until, until_this, 10, what))
        await asyncio.wait({keeping, waiting}, return_when=asyncio.FIRST_COMPLETED)
        assert keeping.cancel()
        await waiting

    asyncio.run(keep())


def lines(log: Path) -> list[str]:
    return [line.partition("  ")[2] for line in log.read_text().splitlines()]


def test_whatever_goes_wrong_in_a_tick_is_told_and_the_next_one_comes(tmp_path: Path) -> None:
    log = tmp_path / "autoscaler.log"
    log.touch()
    autoscaler = Autoscaler("fake", Spec(min_replicas=2, max_replicas=3), 0.01, Breaking(), log)

    ticks(autoscaler, lambda: log.read_text().count("replicas could not") > 1, "two tries")

    assert lines(log)[:3] == [
        "fake: 1 stay: RuntimeError('as it was told'); see supervisor.log",
        "fake: 1 → 2: no replica tells what it does; 2 is the fewest that may be",
        "fake: 2 replicas could not be run: exit code 1 from: a replica",
    ]


def test_no_move_is_told_that_nobody_makes(tmp_path: Path) -> None:
    log, service = tmp_path / "autoscaler.log", Starting()
    autoscaler = Autoscaler("fake", Spec(min_replicas=2, max_replicas=3), 0.01, service, log)

    ticks(autoscaler, lambda: service.looks > 5, "ticks while replicas start")

    assert lines(log) == ["fake: 1 → 2: no replica tells what it does; 2 is the fewest that may be"]
    assert autoscaler.status["desiredReplicas"] == 2
