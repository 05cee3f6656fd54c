"""What one trace says: who called whom, when, and where the time went. Pure. Times are nanoseconds.

A trace is shown as it was recorded, with three exceptions, each of which leaves a mark: a span whose parent is not
there is a root with a gap above it; one that seems to begin before its caller in another process did, which only clocks
that differ explain, is moved into its caller together with what it called; a span recorded twice counts once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from lab.core.conventions import CACHES, Attribute, Resource

ELSEWHERE = "another service"  # where nothing names it

Value = str | int | float | bool
Attributes = Mapping[str, Value]


class Kind(StrEnum):
    """As OpenTelemetry names them."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


class Work(StrEnum):
    """What a span's own time is spent on."""

    OWN = "own"
    DATABASE = "database"
    CACHE = "cache"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class Span:
    """`parent_id` is empty at a root; `start_ns` counts from 1970; `message` is what its status says.

    `resource` are the attributes of what made it, `exceptions` those of each exception that it recorded.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: Kind
    start_ns: int
    end_ns: int
    resource: Attributes
    attributes: Attributes
    exceptions: tuple[Attributes, ...]
    failed: bool
    message: str

    @property
    def role(self) -> str:
        return str(self.resource.get(Resource.SERVICE, ""))

    @property
    def variant(self) -> str:
        return str(self.resource.get(Resource.VARIANT, ""))

    @property
    def replica(self) -> str:
        return str(self.resource.get(Resource.INSTANCE, ""))

    @property
    def error(self) -> str:
        """Why it failed: the first exception, else what its status says, else the kind of error; may be empty."""
        if not self.failed:
            return ""
        if self.exceptions:
            told = (self.exceptions[0].get(key) for key in ("exception.type", "exception.message"))
            return ": ".join(str(each) for each in told if each)
        return self.message or str(self.attributes.get(Attribute.ERROR, ""))

    @property
    def system(self) -> str:
        """The database or cache that it called."""
        return str(self.attributes.get(Attribute.SYSTEM) or self.attributes.get("db.system") or "")

    @property
    def work(self) -> Work:
        if self.kind is not Kind.CLIENT:
            return Work.OWN
        if self.system:
            return Work.CACHE if self.system in CACHES else Work.DATABASE
        return Work.HTTP if any(key.startswith(("http.", "url.")) for key in self.attributes) else Work.OWN


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """A trace by the span that it begins with: the root, or the longest entry into a service where no root is there."""

    trace_id: str
    name: str
    role: str
    variant: str
    start_ns: int
    duration_ns: int
    spans: int
    errors: int


@dataclass(frozen=True, slots=True)
class Node:
    """A span in its trace. `offset_ns` counts from the trace's begin; `self_ns` is when no child ran.

    `missing_parent` is the id of a parent that is not there; `moved_ns` how far it was moved into its caller.
    """

    span: Span
    offset_ns: int
    duration_ns: int
    self_ns: int
    moved_ns: int
    missing_parent: str
    children: tuple[Node, ...]

    @property
    def end_ns(self) -> int:
        return self.offset_ns + self.duration_ns

    def walk(self) -> Iterator[Node]:
        """This one, then all below."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack += reversed(node.children)


@dataclass(frozen=True, slots=True)
class Trace:
    """`roots` begin with those that have no parent; `start_ns` counts from 1970."""

    trace_id: str
    start_ns: int
    duration_ns: int
    roots: tuple[Node, ...]

    @property
    def main(self) -> Node:
        """The root that speaks for the trace: the first one, or the longest where all lack their parent."""
        first = self.roots[0]
        return max(self.roots, key=lambda node: node.duration_ns) if first.missing_parent else first

    def nodes(self) -> Iterator[Node]:
        for root in self.roots:
            yield from root.walk()


@dataclass(frozen=True, slots=True)
class Share:
    """Time of the main root that `role` spent on `work`, while the root's service waited for `waiting_for`, if it did.

    `target` is the database's or cache's system, or whom an HTTP call went to.
    """

    role: str
    variant: str
    work: Work
    target: str
    waiting_for: str
    ns: float


def trace(spans: Sequence[Span]) -> Trace:
    """The tree of one trace's spans, of which there is at least one."""
    known = {span.span_id: span for span in sorted(spans, key=lambda span: (span.start_ns, span.span_id))}
    below: dict[str, list[Span]] = {}
    tops: list[Span] = []
    for span in known.values():
        if span.parent_id in known:
            below.setdefault(span.parent_id, []).append(span)
        else:
            tops.append(span)
    order = _callers_first(known, below, tops)
    moved = _moves(order, below)
    origin = min(span.start_ns + moved[span.span_id] for span in order)
    nodes: dict[str, Node] = {}
    top_ids = {span.span_id for span in tops}
    for span in reversed(order):
        children = tuple(nodes[child.span_id] for child in below.get(span.span_id, ()))
        offset, duration = span.start_ns + moved[span.span_id] - origin, _duration(span)
        nodes[span.span_id] = Node(
            span=span,
            offset_ns=offset,
            duration_ns=duration,
            self_ns=duration - _covered(offset, offset + duration, children),
            moved_ns=moved[span.span_id] - moved.get(span.parent_id, 0),
            missing_parent=span.parent_id if span.span_id in top_ids else "",
            children=children,
        )
    roots = sorted((nodes[span.span_id] for span in tops), key=lambda node: (bool(node.missing_parent), node.offset_ns))
    end = max(node.end_ns for node in nodes.values())
    return Trace(order[0].trace_id, origin, end, tuple(roots))


def shares(root: Node) -> list[Share]:
    """Divides the root's duration among all that ran in it, largest first; they add up to it.

    Time belongs to the innermost span that ran; when several ran side by side, each has an equal part.
    """
    own = root.span.role
    spent: dict[tuple[str, str, Work, str, str], float] = {}
    stack: list[tuple[Node, list[_Piece], str]] = [(root, [_Piece(root.offset_ns, root.end_ns, 1.0)], "")]
    while stack:
        node, pieces, waiting_for = stack.pop()
        span = node.span
        target = callee(node) if span.work is Work.HTTP else span.system
        if not waiting_for and span.role != own:  # nothing tells of the call
            waiting_for = span.role or ELSEWHERE
        elif not waiting_for and span.work is Work.HTTP:
            waiting_for = target
        self_ns, parts = _divide(pieces, node.children)
        key = (span.role, span.variant, span.work, target, waiting_for)
        spent[key] = spent.get(key, 0.0) + self_ns
        stack += [(child, part, waiting_for) for child, part in zip(node.children, parts, strict=True) if part]
    found = [Share(*key, ns) for key, ns in spent.items() if ns > 0]
    return sorted(found, key=lambda share: -share.ns)


def callee(node: Node) -> str:
    """Whom an HTTP call went to: the role that answered, or the address where its span is not there."""
    for child in node.children:
        if child.span.kind is Kind.SERVER:
            return child.span.role
    address = str(node.span.attributes.get(Attribute.SERVER, ELSEWHERE))
    port = node.span.attributes.get(Attribute.PORT)
    return f"{address}:{port}" if port else address


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of time, of which `weight` counts: the rest belongs to what ran beside."""

    start: int
    end: int
    weight: float


def _callers_first(known: Mapping[str, Span], below: dict[str, list[Span]], tops: list[Span]) -> list[Span]:
    """All spans, each after its parent. Spans that call each other in a circle have their first one made a top."""
    order: list[Span] = []
    left = dict(known)
    queue = list(tops)
    while left:
        if not queue:
            first = next(iter(left.values()))
            below[first.parent_id].remove(first)
            tops.append(first)
            queue.append(first)
        while queue:
            span = queue.pop()
            order.append(span)
            del left[span.span_id]
            queue += below.get(span.span_id, ())
    return order


def _moves(order: Sequence[Span], below: Mapping[str, Sequence[Span]]) -> dict[str, int]:
    """How far each span is moved. A call that seems to begin before its caller is moved to the caller's middle."""
    moved = {span.span_id: 0 for span in order}
    for span in order:
        begin = span.start_ns + moved[span.span_id]
        for child in below.get(span.span_id, ()):
            moved[child.span_id] = moved[span.span_id]
            elsewhere = (child.role, child.replica) != (span.role, span.replica)
            if elsewhere and child.start_ns + moved[child.span_id] < begin:
                moved[child.span_id] = begin + max(0, (_duration(span) - _duration(child)) // 2) - child.start_ns
    return moved


def _duration(span: Span) -> int:
    return max(0, span.end_ns - span.start_ns)


def _covered(start: int, end: int, children: Sequence[Node]) -> int:
    """How long at least one of the children ran between `start` and `end`."""
    covered, reached = 0, start
    for child in sorted(children, key=lambda child: child.offset_ns):
        begin, stop = max(reached, child.offset_ns), min(end, child.end_ns)
        if stop > begin:
            covered += stop - begin
            reached = stop
    return covered


def _divide(pieces: Sequence[_Piece], children: Sequence[Node]) -> tuple[float, list[list[_Piece]]]:
    """What of the pieces is left for their owner, and the parts of its children."""
    parts: list[list[_Piece]] = [[] for _ in children]
    begins: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for number, child in enumerate(children):
        if child.duration_ns:
            begins.setdefault(child.offset_ns, []).append(number)
            ends.setdefault(child.end_ns, []).append(number)
    bounds = {bound for piece in pieces for bound in (piece.start, piece.end)}
    times = sorted(bounds | begins.keys() | ends.keys())
    weights = {piece.start: piece.weight for piece in pieces}
    stops = {piece.end for piece in pieces}
    running: set[int] = set()
    own = weight = 0.0
    for start, end in pairwise(times):
        running -= set(ends.get(start, ()))
        running |= set(begins.get(start, ()))
        weight = weights.get(start, 0.0 if start in stops else weight)
        if not weight:
            continue
        if not running:
            own += (end - start) * weight
        for number in running:
            parts[number].append(_Piece(start, end, weight / len(running)))
    return own, parts
