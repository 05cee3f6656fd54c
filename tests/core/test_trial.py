"""What a trial says of its replicas."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.core.deployment import Usage
from lab.core.trial import ReplicaShare, replaced, shares

START = Usage("a-0", pids=(10, 11), cpu_s=1.0, memory_bytes=100, clients=frozenset(), alive=True)


def test_a_share_is_cpu_since_the_start_and_the_largest_memory() -> None:
    during = [[replace(START, cpu_s=1.5, memory_bytes=300)], [replace(START, cpu_s=2.0, memory_bytes=200)]]
    assert shares("a", [START], during, {}) == (ReplicaShare("a", "a-0", 1.0, 300, None),)


def test_requests_are_told_apart_by_the_connections_seen() -> None:
    other = replace(START, replica="a-1")
    during = [
        [replace(START, clients=frozenset({5001})), replace(other, clients=frozenset({5002}))],
        [replace(START, clients=frozenset({5003})), replace(other, clients=frozenset())],
    ]
    taken = shares("a", [START, other], during, {5001: 10, 5002: 20, 5003: 5, 5009: 99})
    assert [share.client_requests for share in taken] == [15, 20]


REPLACED = [
    ("as before", START, ()),
    ("another worker", replace(START, pids=(10, 12)), ("replica a-0 changed its processes from (10, 11) to (10, 12)",)),
    ("ended", replace(START, alive=False), ("replica a-0 ended",)),
]


@pytest.mark.parametrize(("after", "reasons"), [case[1:] for case in REPLACED], ids=[case[0] for case in REPLACED])
def test_a_replaced_process_is_noticed(after: Usage, reasons: tuple[str, ...]) -> None:
    assert replaced([START], [after]) == reasons


def test_a_vanished_replica_is_noticed() -> None:
    assert replaced([START], []) == ("replica a-0 ended",)
