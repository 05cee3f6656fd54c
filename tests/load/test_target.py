"""Where load may go."""

from __future__ import annotations

import pytest

from lab.load.target import address, problems

ELSEWHERE = "is not this machine; if you may put load on it, add  --allow-host 192.0.2.1"
ONLY = "give scheme, host and port only; the scenario has the paths"

CASES = [
    # url                          allowed        problems
    ("http://127.0.0.1:8000", [], []),
    ("http://127.0.0.1:8000/", [], []),
    ("http://127.1.2.3", [], []),
    ("http://[::1]:8000", [], []),
    ("http://localhost:8000", [], []),
    ("http://192.0.2.1:8000", [], [f"192.0.2.1 {ELSEWHERE}"]),
    ("http://192.0.2.1:8000", ["192.0.2.1"], []),
    ("http://192.0.2.1:8000", ["192.0.2.2"], [f"192.0.2.1 {ELSEWHERE}"]),
    ("http://0.0.0.0:8000", [], ["0.0.0.0 is not this machine"]),
    ("http://192.0.2.1:0/x?y", [], ["0 is not a port", ONLY, f"192.0.2.1 {ELSEWHERE}"]),
    ("http://user@127.0.0.1", [], [ONLY]),
    ("http://127.0.0.1:99999", [], ["Port out of range 0-65535"]),
    ("https://127.0.0.1", [], ["not an http:// address; for example  http://127.0.0.1:8000"]),
    ("127.0.0.1:8000", [], ["not an http:// address; for example  http://127.0.0.1:8000"]),
    ("http://no-such-host.invalid", [], ["no-such-host.invalid cannot be resolved"]),
]


@pytest.mark.parametrize(("url", "allowed", "expected"), CASES)
def test_problems(url: str, allowed: list[str], expected: list[str]) -> None:
    found = problems(url, allowed)
    assert len(found) == len(expected)
    assert all(line.startswith(f"{url}: {start}") for line, start in zip(found, expected, strict=True))


def test_ipv4_first() -> None:
    assert address("http://localhost:1") == "127.0.0.1"
