"""`docs/telemetry.md` names every metric, attribute and log member that there is, as the table of signals has them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from telemetry.tracing import DEFAULTS

from lab.core.conventions import BUCKETS_S, MORE, REQUIRED, Attribute, Log, Metric, Resource

PAGE = (Path(__file__).parents[2] / "docs" / "telemetry.md").read_text()
NAME = re.compile(r"`([^`]+)`")
UNITS = {"seconds": "s", "bytes": "bytes"}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in table[1:]]


DOCUMENTED = {NAME.findall(row[0])[0]: row for row in rows("Metrics")}


@pytest.mark.parametrize("metric", [*REQUIRED, *MORE], ids=lambda metric: metric.name)
def test_a_metric_is_documented(metric: Metric) -> None:
    _, kind, unit, labels, teller, meaning = DOCUMENTED[metric.name]
    assert (kind, NAME.findall(labels), teller) == (metric.type, list(metric.labels), metric.teller.value)
    of_name = metric.name.removesuffix("_total").rpartition("_")[2]
    assert of_name not in UNITS or unit == UNITS[of_name]
    assert meaning


def test_no_other_metric_is_documented() -> None:
    assert DOCUMENTED.keys() == {metric.name for metric in (*REQUIRED, *MORE)}


def test_attributes_of_spans_are_documented() -> None:
    named = {name for row in rows("Traces") for name in NAME.findall(row[2]) if "." in name}
    assert named == set(Attribute)
    assert [name for name in Resource if f"`{name}`" not in PAGE] == []


def test_members_of_logs_are_documented() -> None:
    assert [name for row in rows("Logs") for name in NAME.findall(row[0])] == list(Log)


def test_the_buckets_are_documented() -> None:
    *most, last = [f"{bound:g}" for bound in BUCKETS_S]
    assert f"Buckets end at {', '.join(most)} and {last} s" in PAGE


def test_what_the_specification_leaves_open_is_documented() -> None:
    batch, length = (
        int(DEFAULTS[f"OTEL_{name}"]) for name in ("BSP_MAX_EXPORT_BATCH_SIZE", "SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT")
    )
    assert f"batches are of {batch:,} spans" in PAGE
    assert f"values of attributes end after {length:,} characters" in PAGE
