"""Which tokens let a request write."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from shop.problems import Problem
from shop.tokens import mint, require_scope

KEY = b"k" * 32
CLAIMS = {"iss": "framework-lab", "aud": "shop", "exp": 60, "scope": "products:write orders:write"}

REFUSED = [
    # case                        claims changed                       key           algorithm  status
    ("expired beyond leeway", {"exp": -31}, KEY, "HS256", 401),
    ("expires beyond any number", {"exp": float("inf")}, KEY, "HS256", 401),
    ("other issuer", {"iss": "someone"}, KEY, "HS256", 401),
    ("other audience", {"aud": "bank"}, KEY, "HS256", 401),
    ("no expiry", {"exp": None}, KEY, "HS256", 401),
    ("no scope claim", {"scope": None}, KEY, "HS256", 401),
    ("scope is a list", {"scope": ["orders:write"]}, KEY, "HS256", 401),
    ("signed with another key", {}, b"x" * 32, "HS256", 401),
    ("signed with another algorithm", {}, b"k" * 64, "HS512", 401),
    ("not signed", {}, None, "none", 401),
    ("other scopes", {"scope": "stock:write orders:writer"}, KEY, "HS256", 403),
]
ACCEPTED = [
    ("as asked", {}),
    ("expired within leeway", {"exp": -20}),
    ("audience is a list with ours", {"aud": ["bank", "shop"]}),
]


def token(changed: Mapping[str, Any], key: bytes | None = KEY, algorithm: str = "HS256") -> str:
    claims: dict[str, Any] = {**CLAIMS, **changed}
    if claims["exp"] is not None:
        claims["exp"] += int(time.time())
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, key, algorithm=algorithm)


@pytest.mark.parametrize(
    ("changed", "key", "algorithm", "status"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_token_that_breaks_a_rule_is_refused(
    changed: Mapping[str, Any], key: bytes | None, algorithm: str, status: int
) -> None:
    with pytest.raises(Problem) as refused:
        require_scope(f"Bearer {token(changed, key, algorithm)}", "orders:write", KEY)
    assert refused.value.status == status


@pytest.mark.parametrize("changed", [case[1] for case in ACCEPTED], ids=[case[0] for case in ACCEPTED])
def test_a_token_that_keeps_the_rules_is_accepted(changed: Mapping[str, Any]) -> None:
    require_scope(f"Bearer {token(changed)}", "orders:write", KEY)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic dTpw", "Bearer x.y.z"])
def test_a_header_without_a_token_is_unauthorized_and_says_how(header: str | None) -> None:
    with pytest.raises(Problem) as refused:
        require_scope(header, "orders:write", KEY)
    assert refused.value.status == 401
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_minted_token_holds_for_its_lifetime() -> None:
    require_scope(f"bearer {mint(KEY, 'stock:write', time.time())}", "stock:write", KEY)
