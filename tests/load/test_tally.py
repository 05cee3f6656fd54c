"""Which requests of which second failed or were slow."""

from __future__ import annotations

import pytest

from lab.core.measurement import Second
from lab.load.requests import Exchange, Kind
from lab.load.tally import seconds
from lab.tree import contract_operations
from tests.load.server import PING, make_load

KIND = Kind(PING, make_load("http://127.0.0.1:1"), contract_operations())
SLOW_S = 0.1

CASES: list[tuple[str, list[tuple[float, float, str | None]], tuple[Second, ...]]] = [
    # case              due, latency, error of each                       -> scheduled, failed, slow of each second
    ("nothing", [], ()),
    ("in time", [(0.0, 0.1, None), (0.5, 0.01, None)], (Second(2, 0, 0),)),
    ("too late", [(0.0, 0.11, None), (0.5, 0.01, None)], (Second(2, 0, 1),)),
    ("failed, however late", [(0.0, 0.11, "timeout"), (0.5, 0.01, "status 503")], (Second(2, 2, 0),)),
    ("by when it was due", [(0.99, 3.0, None), (1.0, 0.01, None)], (Second(1, 0, 1), Second(1, 0, 0))),
    ("a second without any", [(2.5, 0.01, None)], (Second(), Second(), Second(1, 0, 0))),
]


@pytest.mark.parametrize(("settled", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_seconds(settled: list[tuple[float, float, str | None]], expected: tuple[Second, ...]) -> None:
    exchanges = [Exchange(due, KIND, b"", b"", latency_s=latency_s, error=error) for due, latency_s, error in settled]
    assert seconds(exchanges, SLOW_S) == expected
