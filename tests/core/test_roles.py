"""Which roles a scenario needs, and who can play them."""

from __future__ import annotations

import pytest

from lab.core.roles import missing_roles, played_by, roles
from tests.core.made import manifest

ROLE_OF = {
    "ping": "any",
    "listProducts": "catalog",
    "getProduct": "catalog",
    "placeOrder": "orders",
    "getOrder": "orders",
}

NEEDED = [
    # case                          operations                     roles in the order they start
    ("any role", ["ping"], [("any", ("ping",))]),
    ("one role", ["listProducts", "getProduct"], [("catalog", ("listProducts", "getProduct"))]),
    ("ping goes along", ["getProduct", "ping"], [("catalog", ("getProduct", "ping"))]),
    ("orders call the catalog", ["placeOrder"], [("catalog", ("getProduct",)), ("orders", ("placeOrder",))]),
    (
        "an upstream operation asked for anyway",
        ["placeOrder", "getProduct", "listProducts"],
        [("catalog", ("getProduct", "listProducts")), ("orders", ("placeOrder",))],
    ),
]


@pytest.mark.parametrize(("operations", "needed"), [case[1:] for case in NEEDED], ids=[case[0] for case in NEEDED])
def test_roles_of_operations(operations: list[str], needed: list[tuple[str, tuple[str, ...]]]) -> None:
    assert list(roles(operations, ROLE_OF).items()) == needed


ENTERS = [
    # case                                 variant plays        operations       played as      missing
    ("a whole variant, any role", ("catalog", "orders"), ["ping"], ["catalog"], []),
    ("a ping-only variant, any role", (), ["ping"], ["ping"], []),
    ("a ping-only variant, the catalog", (), ["getProduct"], ["catalog"], ["catalog"]),
    ("a catalog, orders", ("catalog",), ["placeOrder"], ["catalog", "orders"], ["orders"]),
]


@pytest.mark.parametrize(
    ("plays", "operations", "played", "missing"), [case[1:] for case in ENTERS], ids=[case[0] for case in ENTERS]
)
def test_a_variant_enters_a_scenario_whose_roles_it_plays(
    plays: tuple[str, ...], operations: list[str], played: list[str], missing: list[str]
) -> None:
    needed = roles(operations, ROLE_OF)
    assert list(played_by(manifest("a", *plays), needed)) == played
    assert missing_roles(manifest("a", *plays), needed) == missing
