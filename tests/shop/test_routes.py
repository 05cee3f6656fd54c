"""The table of operations against the contract, which is where they come from."""

from __future__ import annotations

import pytest
from shop.contract import openapi
from shop.routes import OPERATIONS, contract_route
from shop.settings import Role

RULES = [
    ("/products/<int:product_id>", "/products/{product_id}"),
    ("orders/<wide_int:order_id>/events", "/orders/{order_id}/events"),
    ("/products/<product_id>", "/products/{product_id}"),
    ("ping", "/ping"),
]


@pytest.mark.parametrize("role", [Role.CATALOG, Role.ORDERS, Role.RECOMMEND])
def test_each_role_answers_what_the_contract_gives_it(role: Role) -> None:
    published = {
        (method.upper(), path, min(int(status) for status in operation["responses"] if status.startswith("2")))
        for path, item in openapi(role)["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }
    assert {(known.method, known.route, known.success) for known in OPERATIONS[role]} == {
        (method, path, 201 if (method, path) == ("POST", "/orders") else status) for method, path, status in published
    }


@pytest.mark.parametrize(("rule", "route"), RULES)
def test_a_rule_is_written_as_the_contract_would(rule: str, route: str) -> None:
    assert contract_route(rule) == route
