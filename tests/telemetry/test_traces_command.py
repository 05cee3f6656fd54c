"""`lab traces` and `lab trace ID`, as someone reads them who never saw a trace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from lab.cli.traces import trace_command, traces_command
from lab.errors import InputError
from tests.telemetry.receiving import receiver
from tests.telemetry.sending import MS, service, trace_id

BEGUN = 1_800_000_000_000 * MS
ORDER, FAILED, ELSEWHERE = (trace_id(digit << 124) for digit in (0xA, 0xB, 0xC))


def record(
    tracer: Tracer,
    name: str,
    start_ms: float,
    end_ms: float,
    parent: Span | None = None,
    attributes: Mapping[str, str | int] | None = None,
    error: str | None = None,
) -> Span:
    """A server's span where it has no attributes or an HTTP status, else a client's."""
    is_server = not attributes or "http.response.status_code" in attributes
    span = tracer.start_span(
        name,
        set_span_in_context(parent) if parent else Context(),
        SpanKind.SERVER if is_server else SpanKind.CLIENT,
        attributes,
        start_time=BEGUN + int(start_ms * MS),
    )
    if error is not None:
        span.set_status(StatusCode.ERROR, error)
    span.end(BEGUN + int(end_ms * MS))
    return span


def sql(text: str) -> dict[str, str | int]:
    return {"db.system.name": "postgresql", "db.query.text": text}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An order that asked the catalog for a product, one that failed, and a part of a trace that began elsewhere."""
    path = tmp_path_factory.mktemp("spans") / "spans.db"
    with (
        receiver(path) as running,
        service(running.url, "orders", "fast", ORDER, FAILED) as orders,
        service(running.url, "catalog", "slow") as catalog,
    ):
        order = record(orders, "POST /orders", 0, 12.3, attributes={"http.response.status_code": 201})
        asked = {"http.request.method": "GET", "url.full": "http://127.0.0.1:8001/products/7"}
        call = record(orders, "GET", 1, 6, order, asked)
        product = record(catalog, "GET /products/{product_id}", 2, 5.5, call)
        record(catalog, "GET", 2.5, 3, product, {"db.system.name": "redis"})
        record(catalog, "SELECT", 3, 5, product, sql("SELECT id, name\nFROM product WHERE id = $1"))
        record(orders, "INSERT", 7, 8.1, order, sql("INSERT INTO orders (id) VALUES ($1)"))
        for start_ms in (9, 9.5, 10, 10.5):
            record(orders, "UPDATE", start_ms, start_ms + 0.3, order, sql("UPDATE stock SET quantity = $1"))

        answered: dict[str, str | int] = {"http.response.status_code": 503, "error.type": "503"}
        failed = record(orders, "POST /orders", 1000, 1040, attributes=answered, error="")
        record(orders, "connect", 1000, 1039, failed, {"db.system.name": "postgresql"}, "too many clients already")

        caller = SpanContext(int(ELSEWHERE, 16), 1, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        record(catalog, "GET /ping", 2000, 2001, NonRecordingSpan(caller))
    return path


def shown(command: click.Command, *arguments: object, columns: int = 80) -> list[str]:
    """The lines that the command printed, without blanks at their ends. Its errors are raised."""
    runner = CliRunner(env={"COLUMNS": str(columns)})
    output = runner.invoke(command, [str(argument) for argument in arguments], catch_exceptions=False).output
    return [line.rstrip() for line in output.splitlines()]


DRAWN = """\
POST /orders by orders (fast) took 12.3 ms: 5.0 ms waiting for catalog, 2.3 ms
in PostgreSQL, 5.0 ms its own.

                                             0          6.2    12.3 ms        ms
orders (fast): POST /orders                  ██░░░░░░░░░░██░░██░░░░███      12.3
  asks catalog: GET /products/7                ██░░░░░░░█                    5.0
    catalog (slow): GET /products/{product_…     █░░░░░█                     3.5
      cache: GET                                  █                          0.5
      PostgreSQL: SELECT product                   ████                      2.0
  PostgreSQL: INSERT orders                                ██                1.1
  4 × PostgreSQL: UPDATE stock                                 ████          1.2

Where the time went
  orders (fast): 5.0 ms its own, 2.3 ms in PostgreSQL, 1.5 ms on the way to
  catalog
  catalog (slow): 2.0 ms in PostgreSQL, 1.0 ms its own, 0.5 ms in the cache

How to read it: a line is one piece of work, done for the line that it is
indented under. Its bar shows when it ran: █ it worked itself, ░ it waited for
lines below it."""


def test_a_trace_is_told_in_a_sentence_and_drawn_in_time(store: Path) -> None:
    lines = shown(trace_command, ORDER, "--store", store)

    assert re.fullmatch(rf"Trace {ORDER}, 2027-01-1\d \d\d:\d\d:\d\d, 10 spans", lines.pop(2))
    assert "\n".join(lines) == DRAWN


@pytest.mark.parametrize("columns", [60, 80, 133, 200])
def test_it_fits_its_width_and_cuts_no_name_that_fits(store: Path, columns: int) -> None:
    lines = shown(trace_command, ORDER[:4], "--store", store, columns=columns)

    assert max(map(len, lines)) <= columns
    assert any("catalog (slow): GET /products/{product_id} " in line for line in lines) == (columns > 80)


def test_errors_are_marked_with_what_they_say(store: Path) -> None:
    lines = shown(trace_command, FAILED, "--store", store)

    assert " ".join(lines[:2]) == (
        "POST /orders by orders (fast) failed (503) after 40.0 ms: 39.0 ms in PostgreSQL, 1.0 ms its own."
    )
    assert lines[2].endswith("2 spans, 2 errors")
    assert [line for line in lines if "✗" in line] == [
        "  ✗ answered 503",
        "    ✗ too many clients already",
    ]


def test_what_is_missing_is_said(store: Path) -> None:
    lines = shown(trace_command, ELSEWHERE, "--store", store)

    assert lines[0] == "GET /ping by catalog (slow) took 1.00 ms: all its own."
    [gap] = [number for number, line in enumerate(lines) if line.startswith("? Something is missing here")]
    assert lines[gap + 2].startswith("  catalog (slow): GET /ping ███")


LISTS: list[tuple[str, list[str], list[str]]] = [
    # case, arguments -> rows, the time of day left out
    (
        "newest first",
        [],
        [
            "c000000000 1.0 GET /ping catalog (slow) 1",
            "b000000000 40.0 POST /orders orders (fast) 2 2",
            "a000000000 12.3 POST /orders orders (fast) 10",
        ],
    ),
    ("the slowest", ["--slowest", "--limit", "1"], ["b000000000 40.0 POST /orders orders (fast) 2 2"]),
    ("with errors", ["--errors"], ["b000000000 40.0 POST /orders orders (fast) 2 2"]),
    ("of a variant", ["--variant", "slow"], ["c000000000 1.0 GET /ping catalog (slow) 1"]),
    ("of a role", ["--role", "catalog"], ["c000000000 1.0 GET /ping catalog (slow) 1"]),
]


@pytest.mark.parametrize(("arguments", "rows"), [case[1:] for case in LISTS], ids=[case[0] for case in LISTS])
def test_lists(store: Path, arguments: list[str], rows: list[str]) -> None:
    heading, *lines, hint = shown(traces_command, "--store", store, *arguments, columns=200)

    assert heading.split() == ["trace", "began", "ms", "request", "by", "spans", "errors"]
    assert [re.sub(r" \d\d:\d\d:\d\d ", " ", " ".join(line.split())) for line in lines] == rows
    assert hint == f"From {store}. Look into one: lab trace {rows[0].split()[0]}"


def test_without_such_a_trace_it_says_so(store: Path) -> None:
    [line] = shown(traces_command, "--store", store, "--variant", "other")

    assert line == f"No such trace in {store}; services send theirs some seconds after the request."


def test_without_a_store_it_looks_where_the_lab_and_the_latest_run_keep_theirs(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB_DIR", str(tmp_path / "lab"))
    with pytest.raises(InputError, match=r"neither .*/lab/spans\.db nor results/latest/spans\.db is there"):
        shown(traces_command)

    for folder in ("results/latest", "lab"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "spans.db").write_bytes(store.read_bytes())
        assert shown(traces_command)[-1].startswith("From ")
        assert f"{folder}/spans.db" in shown(traces_command)[-1]


@pytest.mark.parametrize("since", ["1e30", "inf", "nan", "-1", "soon"])
def test_a_time_of_no_sense_is_wrong_input(store: Path, since: str) -> None:
    result = CliRunner().invoke(traces_command, ["--store", str(store), "--since", since])
    assert result.exit_code == 2
    assert "Invalid value for '--since'" in result.output


@pytest.mark.parametrize("trace", ["0123", "0" * 31 + "g", ""])
def test_an_id_of_no_trace_is_wrong_input(store: Path, trace: str) -> None:
    with pytest.raises(InputError, match="1 problem in the trace's id"):
        shown(trace_command, trace, "--store", store)
