"""What is kept, what is removed when there is too much, and what a list of traces says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from lab.errors import InputError
from lab.telemetry.store import SpanReader, SpanWriter, reading


@dataclass(frozen=True)
class Made:
    """A span of trace `trace`, a number, as its service would send it. The root where it has no parent."""

    trace: int
    span: int
    role: str
    parent: int = 0
    variant: str = "one"
    start: int = 0
    duration: int = 1
    failed: bool = False
    server: bool = True


def message(*spans: Made) -> bytes:
    request = ExportTraceServiceRequest()
    for made in spans:
        of_service = request.resource_spans.add()
        for key, value in {"service.name": made.role, "lab.variant": made.variant}.items():
            of_service.resource.attributes.add(key=key).value.string_value = value
        of_service.scope_spans.add().spans.add(
            trace_id=made.trace.to_bytes(16),
            span_id=made.span.to_bytes(8),
            parent_span_id=made.parent.to_bytes(8) if made.parent else b"",
            name=f"span {made.span}",
            kind=Span.SPAN_KIND_SERVER if made.server else Span.SPAN_KIND_CLIENT,
            start_time_unix_nano=made.start,
            end_time_unix_nano=made.start + made.duration,
            status=Status(code=Status.STATUS_CODE_ERROR if made.failed else Status.STATUS_CODE_UNSET),
        )
    return bytes(request.SerializeToString())


# Each line is a message: services send what they have when they have it.
MESSAGES = [
    (Made(1, 12, "catalog", parent=11, start=2, duration=5), Made(2, 22, "catalog", parent=21, start=12, duration=90)),
    (Made(1, 11, "orders", start=1, duration=30), Made(1, 13, "orders", parent=11, failed=True, server=False)),
    (Made(2, 21, "orders", start=11, duration=20),),
    (Made(3, 31, "orders", variant="two", start=21, duration=10),),
    (Made(4, 41, "catalog", parent=99, start=31, duration=40), Made(4, 42, "catalog", parent=98, start=32)),
    (Made(5, 51, "catalog", parent=97, server=False, start=41),),
    # Whoever asked has a trace of its own, of which nothing is here.
    (Made(6, 62, "catalog", parent=61, start=52, duration=5),),
    (Made(6, 61, "orders", parent=96, start=51, duration=50),),
    (Made(7, 71, "recommend", parent=95, start=61, duration=7),),
    (Made(7, 72, "recommend", parent=94, start=62, duration=7),),
]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpanReader]:
    """Of a store that is still being written."""
    path = tmp_path_factory.mktemp("spans") / "spans.db"
    writer = SpanWriter(path)
    for spans in MESSAGES:
        writer.add(message(*spans))
    with reading(path) as reader:
        yield reader
    writer.close()


LISTS: list[tuple[str, dict[str, object], list[int]]] = [
    # case, asked for -> traces in order
    ("newest", {}, [7, 6, 4, 3, 2, 1]),
    ("slowest, by their root alone", {"slowest": True}, [6, 4, 1, 2, 3, 7]),
    ("that entered a role first", {"role": "orders"}, [6, 3, 2, 1]),
    ("not those that another role asked it for", {"role": "catalog"}, [4]),
    ("of a variant", {"variant": "two"}, [3]),
    ("of both", {"role": "catalog", "variant": "two"}, []),
    ("with an error anywhere", {"errors": True}, [1]),
    ("since", {"since_ns": 21}, [7, 6, 4, 3]),
    ("no more than", {"slowest": True, "limit": 2}, [6, 4]),
]


@pytest.mark.parametrize(("wanted", "traces"), [case[1:] for case in LISTS], ids=[case[0] for case in LISTS])
def test_lists(reader: SpanReader, wanted: dict[str, object], traces: list[int]) -> None:
    assert [int(found.trace_id, 16) for found in reader.summaries(**wanted)] == traces  # type: ignore[arg-type]


def test_a_summary_is_that_of_the_root_whenever_it_came(reader: SpanReader) -> None:
    [found] = reader.summaries(errors=True)

    assert (found.name, found.role, found.variant) == ("span 11", "orders", "one")
    assert (found.start_ns, found.duration_ns, found.spans, found.errors) == (1, 30, 3, 1)


WITHOUT_A_ROOT = [("the longest", 6, "span 61"), ("of those as long, the first that came", 7, "span 71")]


@pytest.mark.parametrize(
    ("trace", "name"), [case[1:] for case in WITHOUT_A_ROOT], ids=[case[0] for case in WITHOUT_A_ROOT]
)
def test_without_a_root_it_is_that_of_the_longest_entry(reader: SpanReader, trace: int, name: str) -> None:
    assert {int(found.trace_id, 16): found.name for found in reader.summaries()}[trace] == name


def test_spans_of_a_trace_come_from_every_message(reader: SpanReader) -> None:
    assert sorted(int(span.span_id, 16) for span in reader.spans(f"{1:032x}")) == [11, 12, 13]


IDS = [
    ("unknown", "f" * 32, "no trace f"),
    ("of several", "0000", "several begin with 0000, among them 0000"),
    ("too long", "0" * 33, "is no trace id: 32 hexadecimal digits, or as many"),
    ("no digits", "latest", "'latest' is no trace id"),
    ("empty", "", "'' is no trace id"),
]


@pytest.mark.parametrize(("text", "problem"), [case[1:] for case in IDS], ids=[case[0] for case in IDS])
def test_ids_that_mean_no_trace_are_wrong_input(reader: SpanReader, text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        reader.spans(text)


def test_the_first_digits_are_enough_where_no_other_trace_has_them(tmp_path: Path) -> None:
    writer = SpanWriter(tmp_path / "spans.db")
    writer.add(message(Made(0xAB << 120, 1, "orders"), Made(0xAC << 120, 2, "orders")))

    with reading(tmp_path / "spans.db") as reader:
        assert [int(span.span_id, 16) for span in reader.spans(" AB ")] == [1]
        with pytest.raises(InputError, match="several begin with a"):
            reader.spans("a")
    writer.close()


def test_the_oldest_messages_make_room(tmp_path: Path) -> None:
    size = len(message(Made(10, 1, "orders", start=10)))
    path = tmp_path / "spans.db"
    for begin in (10, 30):  # the second one opens what the first one left
        writer = SpanWriter(path, kept_bytes=5 * size)
        for number in range(begin, begin + 20):
            writer.add(message(Made(number, 1, "orders", start=number)))
        writer.close()

    with reading(path) as reader:
        assert [int(found.trace_id, 16) for found in reader.summaries(limit=100)] == [49, 48, 47, 46, 45]
        assert len(reader.spans(f"{49:032x}")) == 1
        with pytest.raises(InputError, match="no trace"):
            reader.spans(f"{44:032x}")


def test_a_file_does_not_grow_once_it_is_full(tmp_path: Path) -> None:
    path = tmp_path / "spans.db"
    sizes = []
    for _ in range(3):
        writer = SpanWriter(path, kept_bytes=100_000)
        for number in range(1000):
            writer.add(message(Made(number, 1, "orders")))
        writer.close()
        sizes.append(path.stat().st_size)

    assert sizes[2] <= sizes[1] * 1.05


def test_what_is_removed_meanwhile_is_read_as_it_was(tmp_path: Path) -> None:
    path, gone = tmp_path / "spans.db", message(Made(1, 1, "orders"))
    writer = SpanWriter(path, kept_bytes=len(gone))
    writer.add(gone)
    with reading(path) as reader:
        [found] = reader.summaries()
        writer.add(message(Made(2, 1, "orders")))
        assert len(reader.spans(found.trace_id)) == 1
    writer.close()

    with reading(path) as reader, pytest.raises(InputError, match="no trace"):
        reader.spans(found.trace_id)


def test_what_is_no_store_is_wrong_input(tmp_path: Path) -> None:
    text, empty, deep = tmp_path / "text", tmp_path / "empty", tmp_path.joinpath(*["deeper" * 20] * 8) / "deep"
    text.write_text("no database, but long enough to be taken for one" * 100)
    deep.parent.mkdir(parents=True)
    for path in (empty, deep):  # SQLite opens no path that is so long
        path.touch()

    for path in (text, empty, deep):
        with pytest.raises(InputError, match="cannot read"), reading(path) as reader:
            reader.summaries()
    with pytest.raises(InputError, match="there is no file"), reading(tmp_path / "none") as reader:
        reader.summaries()
