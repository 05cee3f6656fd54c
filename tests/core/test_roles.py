"""Which roles a scenario needs."""

from __future__ import annotations

import pytest

from lab.core.roles import roles

ROLE_OF = {
    "ping": "any",
    "listProducts": "catalog",
    "getProduct": "catalog",
    "placeOrder": "orders",
    "getOrder": "orders",
    "recommend": "recommend",
}

NEEDED = [
    # case                          operation@role                 roles in the order they start
    ("any role", ["ping"], [("any", ("ping",))]),
    ("one role", ["listProducts", "getProduct"], [("catalog", ("listProducts", "getProduct"))]),
    ("each operation once", ["getProduct", "getProduct"], [("catalog", ("getProduct",))]),
    ("ping goes along", ["getProduct", "ping"], [("catalog", ("getProduct", "ping"))]),
    ("ping goes where it is sent", ["recommend", "ping@recommend"], [("recommend", ("recommend", "ping"))]),
    ("orders call the catalog", ["placeOrder"], [("catalog", ("getProduct",)), ("orders", ("placeOrder",))]),
    (
        "ping sent to orders",
        ["placeOrder", "ping@orders"],
        [("catalog", ("getProduct",)), ("orders", ("placeOrder", "ping"))],
    ),
    (
        "an upstream operation asked for anyway",
        ["placeOrder", "getProduct", "listProducts"],
        [("catalog", ("getProduct", "listProducts")), ("orders", ("placeOrder",))],
    ),
]


@pytest.mark.parametrize(("sent", "needed"), [case[1:] for case in NEEDED], ids=[case[0] for case in NEEDED])
def test_roles_of_operations(sent: list[str], needed: list[tuple[str, tuple[str, ...]]]) -> None:
    pairs = [(operation, role) for operation, _, role in (text.partition("@") for text in sent)]
    assert list(roles(pairs, ROLE_OF).items()) == needed
