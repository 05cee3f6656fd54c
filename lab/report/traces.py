"""Traces as a table, a row for each, within 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from lab.core.trace import TraceSummary
from lab.report.waterfall import named, plain

ID_DIGITS = 10  # enough to tell one trace from a million others


def traces_table(summaries: Sequence[TraceSummary]) -> Table:
    """In the order given."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("trace", no_wrap=True)
    table.add_column("began", no_wrap=True)
    table.add_column("ms", justify="right", no_wrap=True)
    table.add_column("request", overflow="ellipsis", no_wrap=True)
    table.add_column("by", overflow="ellipsis", no_wrap=True)
    table.add_column("spans", justify="right", no_wrap=True)
    table.add_column("errors", justify="right", no_wrap=True)
    for summary in summaries:
        table.add_row(
            summary.trace_id[:ID_DIGITS],
            f"{datetime.fromtimestamp(summary.start_ns / 1e9):%H:%M:%S}",
            f"{summary.duration_ns / 1e6:.1f}",
            Text(plain(summary.name)),
            Text(named(summary.role, summary.variant)),
            str(summary.spans),
            str(summary.errors or ""),
            style="red" if summary.errors else "",
        )
    return table
