"""A plan that needs more connections than PostgreSQL allows is refused with the sum that a person can check."""

from __future__ import annotations

import pytest

from lab.core.connections import Demand, refusal

CASES = [
    # case                              demands (replicas, connections)  refused
    ("no service", [], False),
    ("as many as there are", [(2, 40), (1, 10)], False),
    ("one more than there are", [(2, 40), (1, 11)], True),
    ("services without a database are free", [(1000, 0)], False),
]


@pytest.mark.parametrize(("demands", "refused"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_refusal(demands: list[tuple[int, int]], refused: bool) -> None:
    wanted = [Demand(f"service-{n}", replicas, connections) for n, (replicas, connections) in enumerate(demands)]

    assert (refusal(wanted, max_connections=100, reserved=10) is not None) is refused


def test_the_text_adds_up() -> None:
    demands = [Demand("catalog", 20, 4), Demand("orders", 3, 4), Demand("ping", 9, 0)]

    assert refusal(demands, max_connections=100, reserved=10) == (
        "92 connections to PostgreSQL are asked for; 90 are there (100 less 10 for the lab). "
        "Run fewer replicas, or give each fewer connections.\n"
        "  catalog: 20 x 4 = 80\n"
        "  orders: 3 x 4 = 12"
    )
