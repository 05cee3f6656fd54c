"""One trace for someone who never saw one: a sentence, then a line for each piece of work on a common axis of time.

Every line fits the width that it is made for, from `WIDTH_MIN` columns on.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rich.text import Text

from lab.core.conventions import CACHES, Attribute
from lab.core.trace import Kind, Node, Share, Span, Trace, Work, callee, shares

HINT = (
    "How to read it: a line is one piece of work, done for the line that it is indented under. Its bar shows when it "
    "ran: █ it worked itself, ░ it waited for lines below it."
)
BUSY, WAITING = "█", "░"
INDENT = 2
DEEPEST = 8  # further down, lines are no longer indented
LABEL_SHARE = 0.55
MS_COLUMNS = 9
WIDTH_MIN, WIDTH_MAX = 60, 160
ERROR_LINES = 3
FOLDED_FROM = 4

SYSTEMS = {
    "postgresql": "PostgreSQL",
    "mysql": "MySQL",
    "mariadb": "MariaDB",
    "sqlite": "SQLite",
    "mongodb": "MongoDB",
}
CACHE = "cache"
COLOURS = {Work.OWN: "green", Work.DATABASE: "blue", Work.CACHE: "cyan", Work.HTTP: "yellow"}

_TABLE = re.compile(r"""\b(?:FROM|INTO|UPDATE)\s+["`]?([\w.]+)""", re.IGNORECASE)


def waterfall(trace: Trace, width: int) -> list[Text]:
    """Its lines from the sentence to the hint."""
    width = max(WIDTH_MIN, min(width, WIDTH_MAX))
    scale = _Scale.of(trace.duration_ns)
    rows = list(_rows(trace))
    room = int(width * LABEL_SHARE)
    label_width = min(room, max(len(row.label) for row in rows if row.intervals))
    bar_width = width - label_width - MS_COLUMNS - 2
    lines = _wrapped(sentence(trace), width, "bold red" if trace.main.span.failed else "bold")
    lines += _wrapped(_about(trace), width, "dim")
    lines += [Text(), _axis(label_width, bar_width, scale)]
    for row in rows:
        lines += row.lines(label_width, bar_width, width, scale)
    lines += [Text(), *_breakdown(trace, width, scale), *_wrapped(HINT, width, "dim")]
    return lines


def sentence(trace: Trace) -> str:
    """What was asked of whom, how long it took, and what took so long."""
    main = trace.main
    scale = _Scale.of(trace.duration_ns)
    span = main.span
    asked = f"{span.name} by {_who(span)}"
    took = f"{scale.ms(main.duration_ns)} ms"
    if span.failed:
        status = span.attributes.get(Attribute.STATUS)
        begin = f"{asked} failed{f' ({status})' if status else ''} after {took}"
    else:
        begin = f"{asked} took {took}"
    return f"{begin}: {_spent(shares(main), main.duration_ns, scale)}."


def _spent(divided: Sequence[Share], total_ns: int, scale: _Scale) -> str:
    """As the main service saw it. What is its own is told last, and is what the others leave of the rounded total."""
    spent: dict[str, float] = {}
    for share in divided:
        if share.waiting_for:
            what = f"waiting for {share.waiting_for}"
        elif share.work in (Work.DATABASE, Work.CACHE):
            what = f"in {_the(share.target)}"
        else:
            continue
        spent[what] = spent.get(what, 0.0) + share.ns
    if not spent:
        return "all its own"
    parts = {what: scale.rounded(ns) for what, ns in sorted(spent.items(), key=lambda item: -item[1])}
    own = max(0.0, scale.rounded(total_ns) - sum(parts.values()))
    return ", ".join([*(f"{scale.text(ms)} ms {what}" for what, ms in parts.items()), f"{scale.text(own)} ms its own"])


def _about(trace: Trace) -> str:
    nodes = list(trace.nodes())
    errors = sum(node.span.failed for node in nodes)
    begun = datetime.fromtimestamp(trace.start_ns / 1e9)
    return ", ".join(
        [
            f"Trace {trace.trace_id}",
            f"{begun:%Y-%m-%d %H:%M:%S}",
            _count(len(nodes), "span"),
            *([_count(errors, "error")] if errors else []),
        ]
    )


def _breakdown(trace: Trace, width: int, scale: _Scale) -> list[Text]:
    """Where the time went in each service, when there are several."""
    divided = shares(trace.main)
    spent: dict[str, dict[str, float]] = {}
    for share in divided:
        who = named(share.role, share.variant)
        what = {Work.OWN: "its own", Work.HTTP: f"on the way to {share.target}"}.get(
            share.work, f"in {_the(share.target)}"
        )
        of_service = spent.setdefault(who, {})
        of_service[what] = of_service.get(what, 0.0) + share.ns
    if len(spent) < 2:
        return []
    lines = [Text("Where the time went", style="bold")]
    for who, parts in spent.items():
        told = ", ".join(f"{scale.ms(ns)} ms {what}" for what, ns in sorted(parts.items(), key=lambda one: -one[1]))
        lines += _wrapped(f"{who}: {told}", width, indent=INDENT)
    return [*lines, Text()]


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the waterfall. `intervals` are when it ran, `waits` when something below did; `note` goes below it."""

    depth: int
    text: str
    style: str
    intervals: tuple[tuple[int, int], ...] = ()
    waits: tuple[tuple[int, int], ...] = ()
    duration_ns: int = 0
    colour: str = ""
    error: str | None = None
    note: str = ""

    @property
    def label(self) -> str:
        return " " * (INDENT * min(self.depth, DEEPEST)) + plain(self.text)

    def lines(self, label_width: int, bar_width: int, width: int, scale: _Scale) -> list[Text]:
        if not self.intervals:
            return _wrapped(self.text, width, self.style, INDENT * min(self.depth, DEEPEST))
        line = Text(_cut(self.label, label_width).ljust(label_width + 1), style=self.style)
        line.append(self._bar(bar_width, scale), style="red" if self.error is not None else self.colour)
        line.append(f" {scale.ms(self.duration_ns):>{MS_COLUMNS}}")
        below = []
        indent = INDENT * (min(self.depth, DEEPEST) + 1)
        if self.error is not None:
            below += _wrapped(f"✗ {self.error}", width, "red", indent, ERROR_LINES)
        if self.note:
            below += _wrapped(self.note, width, "dim", indent)
        return [line, *below]

    def _bar(self, width: int, scale: _Scale) -> str:
        cell_ns = scale.total_ns / width
        cells = [" "] * width
        for start, end in self.intervals:
            first = min(int(start / cell_ns), width - 1)
            for cell in range(first, max(first + 1, min(round(end / cell_ns), width))):
                middle = (cell + 0.5) * cell_ns
                waits = any(begin <= middle < stop for begin, stop in self.waits)
                cells[cell] = WAITING if waits else BUSY
        return "".join(cells)


def _rows(trace: Trace) -> Iterator[_Row]:
    gap = ""
    for root in trace.roots:
        if root.missing_parent and root.missing_parent != gap:
            gap = root.missing_parent
            text = "? Something is missing here: what called the lines below was not sent, not kept, or is not ours."
            yield _Row(0, text, "dim")
        yield from _below(root, bool(root.missing_parent))


def _below(root: Node, depth: int) -> Iterator[_Row]:
    stack: list[tuple[int, tuple[Node, ...]]] = [(depth, (root,))]
    while stack:
        depth, alike = stack.pop()
        yield _row(depth, alike)
        stack += reversed([(depth + 1, group) for group in _alike(alike[0].children)])


def _alike(nodes: Sequence[Node]) -> list[tuple[Node, ...]]:
    """Calls that follow each other and differ in nothing but their time, several together if they are many."""
    groups: list[list[Node]] = []
    for node in nodes:
        before = groups[-1][-1] if groups else None
        if before and _is_plain(before) and _is_plain(node) and _what(before) == _what(node):
            groups[-1].append(node)
        else:
            groups.append([node])
    return [
        part
        for group in groups
        for part in ([tuple(group)] if len(group) >= FOLDED_FROM else [(node,) for node in group])
    ]


def _is_plain(node: Node) -> bool:
    """Whether there is nothing to say of it but its line."""
    return not (node.children or node.span.failed or node.moved_ns)


def _row(depth: int, alike: tuple[Node, ...]) -> _Row:
    node = alike[0]
    span = node.span
    server = span.kind is Kind.SERVER
    row = _Row(
        depth=depth,
        text=_what(node),
        style="bold" if server else "",
        intervals=tuple((one.offset_ns, one.end_ns) for one in alike),
        waits=tuple((child.offset_ns, child.end_ns) for child in node.children),
        duration_ns=sum(one.duration_ns for one in alike),
        colour=COLOURS[span.work],
        error=_error(span) if span.failed else None,
    )
    if len(alike) > 1:
        return replace(row, text=f"{len(alike)} × {row.text}")
    if node.moved_ns:
        text = f"Clocks differ: moved by {node.moved_ns / 1e6:.1f} ms, since it seemed to begin before it was asked."
        return replace(row, note=text)
    return row


def _error(span: Span) -> str:
    """What it says; the conventions let a service say no more than the status that it answered."""
    said = span.error.strip()
    return f"answered {said}" if said.isdecimal() else said or "failed; it does not say why"


def _what(node: Node) -> str:
    """A span in plain words: who, and what."""
    span = node.span
    match span.work:
        case Work.DATABASE:
            return f"{_system(span.system)}: {_statement(span)}"
        case Work.CACHE:
            return f"{_system(span.system)}: {span.name}"
        case Work.HTTP:
            path = re.sub(r"^\w+://[^/]*", "", str(span.attributes.get(Attribute.URL, "")))
            return f"asks {callee(node)}: {span.attributes.get('http.request.method', span.name)} {path}".rstrip()
    return f"{_who(span)}: {span.name}" if span.kind is Kind.SERVER else span.name


def _statement(span: Span) -> str:
    """The command and its table; the span's name where the statement is not told."""
    text = str(span.attributes.get(Attribute.QUERY) or span.attributes.get("db.statement") or "").strip()
    if not text:
        return span.name
    table = _TABLE.search(text)
    return " ".join([text.split()[0].rstrip(";").upper(), *([table[1]] if table else [])])


def _system(system: str) -> str:
    return CACHE if system in CACHES else SYSTEMS.get(system, system)


def _the(system: str) -> str:
    return f"the {CACHE}" if system in CACHES else _system(system)


def _who(span: Span) -> str:
    return named(span.role, span.variant)


def named(role: str, variant: str) -> str:
    """A service, by what it plays and who plays it."""
    return plain(f"{role or 'a service'} ({variant})" if variant else role or "a service")


def plain(text: str) -> str:
    """On one line, and without what a terminal would take for a command: services pass on what clients sent."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


@dataclass(frozen=True, slots=True)
class _Scale:
    """How the times of one trace are written: all with the same number of digits."""

    total_ns: int
    digits: int

    @classmethod
    def of(cls, total_ns: int) -> _Scale:
        return cls(max(total_ns, 1), 2 if total_ns < 10e6 else 1 if total_ns < 10e9 else 0)

    def rounded(self, ns: float) -> float:
        return round(ns / 1e6, self.digits)

    def text(self, ms: float) -> str:
        return f"{ms:.{self.digits}f}"

    def ms(self, ns: float) -> str:
        return self.text(ns / 1e6)


def _axis(label_width: int, bar_width: int, scale: _Scale) -> Text:
    middle, end = scale.ms(scale.total_ns / 2), f"{scale.ms(scale.total_ns)} ms"
    halfway = "0".ljust((bar_width - len(middle)) // 2) + middle
    marks = halfway if len(halfway) < bar_width - len(end) else "0"
    return Text(" " * (label_width + 1) + marks.ljust(bar_width - len(end)) + end + "ms".rjust(MS_COLUMNS + 1), "dim")


def _wrapped(text: str, width: int, style: str = "", indent: int = 0, most: int = 20) -> list[Text]:
    """Never wider than `width`, and at most so many lines; what follows is cut off."""
    room = max(20, width - indent)
    lines = textwrap.wrap(plain(text), room, max_lines=most, placeholder=" …")
    return [Text(" " * indent + line, style=style) for line in lines]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
