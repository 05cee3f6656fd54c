"""Every variant, and a mix of them, tells the same of the same request: the rows of SIGNALS, and a real receiver."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.contract import telemetry, telemetry_metrics
from lab.contract.probe import Abandoned
from lab.contract.signals import SIGNALS, Signal
from lab.contract.telemetry import Service, Watched
from lab.contract.telemetry_metrics import Exposed
from lab.contract.telemetry_spans import Demand
from lab.core.conventions import LEVELS, MORE, REQUIRED, Log, Resource
from lab.core.stacks import Stack, parse_stacks, stack_of
from lab.runtimes.local import LocalRuntime
from tests import polling
from tests.telemetry.stacks import Running, running
from tests.variants.conftest import VARIANTS

HYBRID = "catalog=fastapi,orders=django"  # threads that call a loop
STACKS: Mapping[str, Stack] = {
    **{name: stack_of(variant) for name, variant in VARIANTS.items()},
    "hybrid": parse_stacks("", [HYBRID], VARIANTS)[0],
}
STACKS_AT_ONCE = 2
WHOLE = Demand(whole=True)
LOGGED_WITHIN_S = 2.0
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
OF_EVERY_PROCESS = re.compile("process_|python_info")
PART_OF_HISTOGRAM = re.compile("_(bucket|count|sum)$")
EXCEPTION = {Log.EXCEPTION_TYPE, Log.EXCEPTION_MESSAGE, Log.EXCEPTION_STACKTRACE}

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Told:
    """What a stack told of every row, by name and role. `at_start` are metrics by role, before any of them."""

    stack: Running
    at_start: Mapping[str, Exposed]
    rows: Mapping[tuple[str, str], Watched | Abandoned]

    def row(self, name: str, role: str) -> Watched:
        row = self.rows[name, role]
        assert isinstance(row, Watched), "\n".join(map(str, row.args))
        return row


def tell(stack: Stack, runtime: LocalRuntime, logs: Path) -> Told:
    """All rows are sent before one is looked at: traces come in batches."""
    with running(stack, runtime, logs) as running_stack:
        services = running_stack.services
        at_start = {role: telemetry_metrics.read(service.metrics) for role, service in services.items()}
        rows: dict[tuple[str, str], Watched | Abandoned] = {}
        for signal in SIGNALS:
            with running_stack.fault(signal.fault):
                for role, service in services.items():
                    if signal.role in (role, ""):
                        rows[signal.name, role] = watched(signal, service)
        telemetry.wait([row for row in rows.values() if isinstance(row, Watched)], running_stack.receiver, WHOLE)
        return Told(running_stack, at_start, rows)


def watched(signal: Signal, service: Service) -> Watched | Abandoned:
    """What went wrong is what its own test fails for."""
    try:
        return telemetry.watch(signal, service)
    except Abandoned:
        return Abandoned(*service.probe.violations)


@pytest.fixture(scope="module")
def telling(runtime: LocalRuntime, lab_directory: Path) -> Iterator[Mapping[str, Future[Told]]]:
    """Some stacks at once, as much of their time is waiting."""
    with ThreadPoolExecutor(STACKS_AT_ONCE) as pool:
        yield {name: pool.submit(tell, stack, runtime, lab_directory / "logs") for name, stack in STACKS.items()}


@pytest.fixture(scope="module", params=STACKS)
def told(request: pytest.FixtureRequest, telling: Mapping[str, Future[Told]]) -> Told:
    return telling[request.param].result()


def test_metrics_are_there_from_the_start(told: Told) -> None:
    for role, exposed in told.at_start.items():
        assert list(telemetry_metrics.lacking(exposed, role, traced=True)) == [], role


def test_no_other_metric_is_told(told: Told) -> None:
    """Than those of the table, which are documented, and those of every process."""
    known = {metric.name for metric in (*REQUIRED, *MORE)}
    for role, exposed in told.at_start.items():
        named = {series.name for series in exposed.values if not OF_EVERY_PROCESS.match(series.name)}
        assert {PART_OF_HISTOGRAM.sub("", name) if name not in known else name for name in named} <= known, role


@pytest.mark.parametrize("signal", SIGNALS, ids=[signal.name for signal in SIGNALS])
def test_a_request_is_told_as_its_row_says(told: Told, signal: Signal) -> None:
    for name, role in told.rows:
        if name == signal.name:
            row = told.row(name, role)
            found = [*row.violations, *row.lacking(told.stack.receiver, WHOLE)]
            assert "\n".join(map(str, found)) == ""


def test_spans_say_who_made_them(told: Told) -> None:
    """The variant and the replica, beside role and version, which the rows ask for."""
    players, names = told.stack.stack.players, told.stack.names
    made_by = {
        (span.resource[Resource.SERVICE], span.resource.get(Resource.VARIANT), span.resource.get(Resource.INSTANCE))
        for span in told.stack.receiver.spans()
    }
    assert made_by == {(role, variant.name, f"{names[role]}-1") for role, variant in players.items()}


def test_a_fault_is_logged_once_in_its_trace(told: Told) -> None:
    row = told.row("fault that nobody expected", "catalog")
    trace = {span.span_id for span in told.stack.receiver.trace(row.sent.trace_id)}

    def lines() -> list[dict[str, Any]]:
        return [line for line in told.stack.log("catalog") if line.get(Log.TRACE) == row.sent.trace_id]

    polling.until(lines, LOGGED_WITHIN_S, "a line with the id of the trace")
    (line,) = lines()
    assert line[Log.SPAN] in trace
    assert line.keys() >= EXCEPTION
    assert line[Log.LEVEL] == "error"


def test_nothing_is_logged_but_faults_and_refusals_to_go_on(told: Told) -> None:
    """No line for a request that was answered below 500; what there is has the members that every line has."""
    fine = {row.sent.trace_id for row in told.rows.values() if isinstance(row, Watched) and not row.signal.failed}
    for role, variant in told.stack.stack.players.items():
        for line in told.stack.log(role):
            assert line.get(Log.TRACE) not in fine, json.dumps(line)
            assert TIMESTAMP.fullmatch(line[Log.TIMESTAMP])
            assert line[Log.LEVEL] in LEVELS
            assert (line[Log.ROLE], line[Log.VARIANT]) == (role, variant.name)
            assert line[Log.LOGGER]
            assert isinstance(line[Log.MESSAGE], str)
