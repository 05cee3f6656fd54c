"""The tree of a trace, and whose time it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from lab.core.trace import Kind, Node, Span, Value, Work, callee, shares, trace

PEER: dict[str, Value] = {"http.request.method": "GET", "server.address": "127.0.0.1", "server.port": 8001}
KINDS: dict[str, tuple[Kind, dict[str, Value]]] = {
    "server": (Kind.SERVER, {}),
    "own": (Kind.INTERNAL, {}),
    "database": (Kind.CLIENT, {"db.system.name": "postgresql"}),
    "cache": (Kind.CLIENT, {"db.system.name": "redis"}),
    "http": (Kind.CLIENT, PEER),
}


def span(span_id: str, parent_id: str, what: str, start: int, end: int) -> Span:
    """`what` is a kind of `KINDS`, of `orders` unless a role is named before it, as in `catalog server`."""
    role, _, kind = what.rpartition(" ")
    role = role or "orders"
    made, attributes = KINDS[kind]
    resource = {"service.name": role, "service.instance.id": f"{role}-1"}
    return Span("t", span_id, parent_id, span_id, made, start, end, resource, attributes, (), False, "")


def shown(node: Node) -> str:
    """`id` `start`-`end` (`own time`) and what is below; ? where the parent is missing."""
    below = f" [{' '.join(map(shown, node.children))}]" if node.children else ""
    gap = "?" if node.missing_parent else ""
    return f"{gap}{node.span.span_id} {node.offset_ns}-{node.end_ns}({node.self_ns}){below}"


TREES: list[tuple[str, list[Span], str]] = [
    ("one span", [span("a", "", "server", 100, 110)], "a 0-10(10)"),
    (
        "children in the order of their begin",
        [span("a", "", "server", 0, 10), span("c", "a", "own", 5, 6), span("b", "a", "own", 1, 3)],
        "a 0-10(7) [b 1-3(2) c 5-6(1)]",
    ),
    (
        "what runs side by side counts once",
        [span("a", "", "server", 0, 10), span("b", "a", "http", 1, 5), span("c", "a", "http", 3, 8)],
        "a 0-10(3) [b 1-5(4) c 3-8(5)]",
    ),
    (
        "a child that outlives its parent",
        [span("a", "", "server", 0, 10), span("b", "a", "own", 8, 15)],
        "a 0-10(8) [b 8-15(7)]",
    ),
    ("a span recorded twice", [span("a", "", "server", 0, 10), span("a", "", "server", 0, 10)], "a 0-10(10)"),
    ("an end before its begin", [span("a", "", "server", 5, 3)], "a 0-0(0)"),
    (
        "a parent that is not there",
        [span("a", "", "server", 2, 10), span("c", "b", "database", 0, 6)],
        "a 2-10(8) | ?c 0-6(6)",
    ),
    ("several roots", [span("b", "", "server", 5, 6), span("a", "", "server", 0, 3)], "a 0-3(3) | b 5-6(1)"),
    (
        "a circle is cut where it begins",
        [span("a", "b", "own", 0, 4), span("b", "a", "own", 1, 3)],
        "?a 0-4(2) [b 1-3(2)]",
    ),
    ("its own parent", [span("a", "a", "own", 0, 4)], "?a 0-4(4)"),
    (
        "a clock that is behind",
        [
            span("a", "", "http", 100, 120),
            span("b", "a", "catalog server", 50, 60),
            span("c", "b", "catalog cache", 52, 55),
        ],
        "a 0-20(10) [b 5-15(7) [c 7-10(3)]]",
    ),
    (
        "answered after the caller gave up, which is no clock's fault",
        [span("a", "", "http", 0, 10), span("b", "a", "catalog server", 15, 20)],
        "a 0-10(10) [b 15-20(5)]",
    ),
    (
        "earlier than its caller in one process, as it was recorded",
        [span("a", "", "server", 5, 10), span("b", "a", "own", 3, 6)],
        "a 2-7(4) [b 0-3(3)]",
    ),
]


@pytest.mark.parametrize(("spans", "tree"), [case[1:] for case in TREES], ids=[case[0] for case in TREES])
def test_trees(spans: Sequence[Span], tree: str) -> None:
    assert " | ".join(map(shown, trace(spans).roots)) == tree


ROOT = span("a", "", "server", 0, 100)
CALL = [ROOT, span("b", "a", "http", 10, 50), span("c", "b", "catalog server", 20, 45)]

SHARES: list[tuple[str, list[Span], dict[str, float]]] = [
    ("all its own", [ROOT], {"orders own": 100}),
    ("a database", [ROOT, span("b", "a", "database", 10, 40)], {"orders own": 70, "orders database": 30}),
    (
        "below a span of its own",
        [ROOT, span("b", "a", "own", 0, 60), span("c", "b", "cache", 10, 20)],
        {"orders own": 90, "orders cache": 10},
    ),
    ("another service", CALL, {"orders own": 60, "catalog own for catalog": 25, "orders http for catalog": 15}),
    (
        "what another service waits for",
        [*CALL, span("d", "c", "catalog database", 25, 35)],
        {
            "orders own": 60,
            "catalog own for catalog": 15,
            "orders http for catalog": 15,
            "catalog database for catalog": 10,
        },
    ),
    (
        "a service that sent no spans",
        [ROOT, span("b", "a", "http", 10, 50)],
        {"orders own": 60, "orders http for 127.0.0.1:8001": 40},
    ),
    (
        "a call of which nothing tells but what was done for it",
        [ROOT, span("b", "a", "catalog server", 20, 45), span("c", "b", "catalog http", 25, 35)],
        {"orders own": 75, "catalog own for catalog": 15, "catalog http for catalog": 10},
    ),
    (
        "side by side, half each",
        [ROOT, span("b", "a", "database", 0, 40), span("c", "a", "cache", 20, 40)],
        {"orders own": 60, "orders database": 30, "orders cache": 10},
    ),
    (
        "no more than the caller waited",
        [ROOT, span("b", "a", "database", 90, 150)],
        {"orders own": 90, "orders database": 10},
    ),
    ("at no time at all", [ROOT, span("b", "a", "database", 10, 10)], {"orders own": 100}),
]


@pytest.mark.parametrize(("spans", "parts"), [case[1:] for case in SHARES], ids=[case[0] for case in SHARES])
def test_shares_add_up_to_the_root(spans: Sequence[Span], parts: dict[str, float]) -> None:
    found = {
        " ".join([share.role, share.work, *(["for", share.waiting_for] if share.waiting_for else [])]): share.ns
        for share in shares(trace(spans).main)
    }

    assert found == parts
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert sum(found.values()) == ROOT.end_ns


MAIN = [
    ("the first root", [span("b", "", "server", 5, 9), span("a", "", "server", 0, 3)], "a"),
    ("a root before what has lost its parent", [span("b", "?", "server", 0, 9), span("a", "", "server", 5, 6)], "a"),
    ("else the longest", [span("a", "?", "server", 0, 3), span("b", "!", "server", 5, 9)], "b"),
]


@pytest.mark.parametrize(("spans", "main"), [case[1:] for case in MAIN], ids=[case[0] for case in MAIN])
def test_the_root_that_speaks_for_the_trace(spans: Sequence[Span], main: str) -> None:
    assert trace(spans).main.span.span_id == main


def test_thousands_of_spans_in_a_chain_are_no_trouble() -> None:
    chain = [span(str(number), str(number - 1) if number else "", "own", number, 10_000) for number in range(3000)]

    found = trace(chain)

    assert sum(1 for _ in found.nodes()) == 3000
    assert sum(share.ns for share in shares(found.main)) == found.duration_ns


def test_a_call_goes_to_whom_it_says_where_nobody_answered() -> None:
    unknown = replace(span("a", "", "http", 0, 1), attributes={"http.request.method": "GET"})

    assert callee(trace([unknown]).main) == "another service"
    assert unknown.work is Work.HTTP
