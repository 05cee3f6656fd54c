"""What each role answers over HTTP: the contract's operations, as paths, methods and the status of success."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from shop.settings import Role


@dataclass(frozen=True, slots=True)
class Operation:
    """`route` is the path as the contract writes it, with `{names}`."""

    method: str
    route: str
    success: int


NO_ROUTE = ""  # of a path that nothing has
_PING = Operation("GET", "/ping", 200)

OPERATIONS: Mapping[Role, tuple[Operation, ...]] = {
    Role.CATALOG: (
        _PING,
        Operation("GET", "/products", 200),
        Operation("POST", "/products", 201),
        Operation("GET", "/products/{product_id}", 200),
        Operation("PUT", "/products/{product_id}", 200),
        Operation("DELETE", "/products/{product_id}", 204),
    ),
    Role.ORDERS: (
        _PING,
        Operation("GET", "/orders", 200),
        Operation("POST", "/orders", 201),
        Operation("GET", "/orders/{order_id}", 200),
        Operation("POST", "/orders/{order_id}/transitions", 200),
        Operation("GET", "/orders/{order_id}/events", 200),
        Operation("PUT", "/stock/{product_id}", 200),
    ),
    Role.RECOMMEND: (_PING, Operation("POST", "/recommendations", 200)),
    Role.PING: (_PING,),
    Role.ADMIN: (_PING,),
}

_CONVERTED = re.compile(r"<(?:[^<>:]+:)?(\w+)>")


@cache  # there are as many as rules, and each request asks
def contract_route(rule: str) -> str:
    """The contract's notation of a rule that writes its parameters `<converter:name>`, with or without first slash."""
    return "/" + _CONVERTED.sub(r"{\1}", rule).lstrip("/")
