"""What a client takes from the contract's operations."""

from __future__ import annotations

import pytest

from lab.tree import contract_operations

PRODUCT = frozenset({"id", "sku", "name", "description", "category", "price", "created_at", "updated_at"})
ORDER = frozenset({"id", "status", "lines", "total", "created_at", "updated_at"})

CASES = [
    # operation       method    path                             role       answers           makes  scope
    ("ping", "GET", "/ping", "any", {200: {"status"}}, False, ""),
    ("getProduct", "GET", "/products/{product_id}", "catalog", {200: PRODUCT}, False, ""),
    ("listProducts", "GET", "/products", "catalog", {200: {"items", "next_cursor"}}, False, ""),
    ("createProduct", "POST", "/products", "catalog", {201: PRODUCT}, True, "products:write"),
    ("deleteProduct", "DELETE", "/products/{product_id}", "catalog", {204: None}, False, "products:write"),
    ("placeOrder", "POST", "/orders", "orders", {201: ORDER}, True, "orders:write"),
    ("moveOrder", "POST", "/orders/{order_id}/transitions", "orders", {200: ORDER}, False, "orders:write"),
    ("setStock", "PUT", "/stock/{product_id}", "orders", {200: {"product_id", "quantity"}}, False, "stock:write"),
]


@pytest.mark.parametrize(
    ("name", "method", "path", "role", "answers", "makes", "scope"), CASES, ids=[c[0] for c in CASES]
)
def test_operation(
    name: str,
    method: str,
    path: str,
    role: str,
    answers: dict[int, frozenset[str] | None],
    makes: bool,
    scope: str,
) -> None:
    operation = contract_operations()[name]
    assert (operation.method, operation.path, operation.role) == (method, path, role)
    assert operation.answers == answers
    assert (operation.makes, operation.scope) == (makes, scope)


def test_parameters_of_path_and_operation() -> None:
    parameters = contract_operations()["placeOrder"].parameters + contract_operations()["getOrder"].parameters
    assert [(p.where, p.name, p.required) for p in parameters] == [
        ("header", "Idempotency-Key", True),
        ("path", "order_id", True),
    ]
