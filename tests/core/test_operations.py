"""What a client takes from the contract's operations."""

from __future__ import annotations

import pytest

from lab.tree import contract_operations

PRODUCT = frozenset({"id", "sku", "name", "description", "category", "price", "created_at", "updated_at"})
ORDER = frozenset({"id", "status", "lines", "total", "created_at", "updated_at"})

CASES = [
    # operation       method    path                             role       answers           makes  token
    ("ping", "GET", "/ping", "any", {200: {"status"}}, False, False),
    ("getProduct", "GET", "/products/{product_id}", "catalog", {200: PRODUCT}, False, False),
    ("listProducts", "GET", "/products", "catalog", {200: {"items", "next_cursor"}}, False, False),
    ("createProduct", "POST", "/products", "catalog", {201: PRODUCT}, True, True),
    ("deleteProduct", "DELETE", "/products/{product_id}", "catalog", {204: None}, False, True),
    ("placeOrder", "POST", "/orders", "orders", {201: ORDER}, True, True),
    ("moveOrder", "POST", "/orders/{order_id}/transitions", "orders", {200: ORDER}, False, True),
    ("setStock", "PUT", "/stock/{product_id}", "orders", {200: {"product_id", "quantity"}}, False, True),
]


@pytest.mark.parametrize(
    ("name", "method", "path", "role", "answers", "makes", "needs_token"), CASES, ids=[c[0] for c in CASES]
)
def test_operation(
    name: str,
    method: str,
    path: str,
    role: str,
    answers: dict[int, frozenset[str] | None],
    makes: bool,
    needs_token: bool,
) -> None:
    operation = contract_operations()[name]
    assert (operation.method, operation.path, operation.role) == (method, path, role)
    assert operation.answers == answers
    assert (operation.makes, operation.needs_token) == (makes, needs_token)


def test_parameters_of_path_and_operation() -> None:
    parameters = contract_operations()["placeOrder"].parameters + contract_operations()["getOrder"].parameters
    assert [(p.where, p.name, p.required) for p in parameters] == [
        ("header", "Idempotency-Key", True),
        ("path", "order_id", True),
    ]
