"""What a drawn trace says where traces are unlike what services of one process and one clock send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from lab.core.trace import Span, trace
from lab.report.waterfall import sentence, waterfall
from tests.core.test_trace import span

ROOT = span("root", "", "server", 0, 100_000_000)


def test_time_of_a_service_that_nothing_tells_the_call_of_is_not_the_callers_own() -> None:
    spans = [
        ROOT,
        span("a", "root", "catalog server", 0, 60_000_000),
        span("b", "a", "catalog database", 0, 20_000_000),
    ]
    assert sentence(trace(spans)) == "root by orders took 100.0 ms: 60.0 ms waiting for catalog, 40.0 ms its own."


def server(number: int, start: int) -> Span:
    """One of several alike that another process answered."""
    return replace(span(f"{number}", "root", "catalog server", start, start + 1_000_000), name="GET")


FOLDS: list[tuple[str, Sequence[int], list[str]]] = [
    # case                                    begins in ns               -> lines of the catalog
    ("alike", (1, 2, 3, 4), ["4 × catalog"]),
    ("a moved one has a line and a note of its own", (-5, 2, 3, 4, 5), ["catalog", "Clocks differ", "4 × catalog"]),
    ("several moved ones", (-5, -4, 3), ["catalog", "Clocks differ", "catalog", "Clocks differ", "catalog"]),
]


@pytest.mark.parametrize(("begins", "told"), [case[1:] for case in FOLDS], ids=[case[0] for case in FOLDS])
def test_what_was_moved_says_so(begins: Sequence[int], told: list[str]) -> None:
    found = trace([ROOT, *(server(number, begin) for number, begin in enumerate(begins))])
    lines = [line.plain.partition(":")[0].strip() for line in waterfall(found, 160)]
    begin = lines.index("orders") + 1
    assert lines[begin : begin + len(told) + 1] == [*told, ""]
