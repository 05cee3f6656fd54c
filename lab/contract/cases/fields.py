"""That 422 names exactly the fields that violate the schema, wherever they are."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lab.contract.cases.case import Case, case
from lab.contract.document import Contract
from lab.contract.probe import STATUS_OF, Fields, Probe, body_fields
from lab.core.operations import Operation

_MISSING: Any = object()
_ASTRAL = "\U0001f331"
INT64_MAX = 2**63 - 1

_PRODUCT = {
    "sku": "CHECK-1",
    "name": "A thing",
    "description": "",
    "category": "checks",
    "price": {"amount_minor": 1, "currency": "EUR"},
}
_ORDER = {"lines": [{"product_id": 1, "quantity": 1}]}

# What is wrong -> (where a value is put, the value, fields to be named: the place itself where None).
Row = tuple[str, Any, tuple[str, ...] | None]

_WRONG_PRODUCTS: Mapping[str, Row] = {
    "a list": ("", [], None),
    "text": ("", "product", None),
    "a number": ("", 5, None),
    "null": ("", None, None),
    "an empty object": ("", {}, ("/sku", "/name", "/category", "/price")),
    "no sku": ("/sku", _MISSING, None),
    "no name": ("/name", _MISSING, None),
    "no category": ("/category", _MISSING, None),
    "no price": ("/price", _MISSING, None),
    "no currency": ("/price/currency", _MISSING, None),
    "no amount": ("/price/amount_minor", _MISSING, None),
    "a member too many": ("/colour", "red", None),
    "a member too many whose pointer needs escapes": ("/a~1b~0c", 1, None),
    "a member whose name is empty": ("/", 1, None),
    "a member too many in price": ("/price/vat", 19, None),
    "id, which is not the client's": ("/id", 7, None),
    "sku in lower case": ("/sku", "check-1", None),
    "sku that begins with a dash": ("/sku", "-CHECK", None),
    "sku of nothing": ("/sku", "", None),
    "sku too long": ("/sku", "A" * 41, None),
    "sku with a line break at its end": ("/sku", "CHECK-1\n", None),
    "sku as a number": ("/sku", 17, None),
    "sku null": ("/sku", None, None),
    "name of nothing": ("/name", "", None),
    "name too long": ("/name", "n" * 201, None),
    "name with NUL": ("/name", "a\x00b", None),
    "name with a lone surrogate": ("/name", "a\ud800b", None),
    "name as a list": ("/name", ["A thing"], None),
    "name as a boolean": ("/name", True, None),
    "description too long": ("/description", "d" * 2001, None),
    "description with NUL": ("/description", "\x00", None),
    "description with a lone surrogate": ("/description", "\udfff", None),
    "description null": ("/description", None, None),
    "category with a capital": ("/category", "Checks", None),
    "category with a blank": ("/category", "check s", None),
    "category too long": ("/category", "c" * 41, None),
    "category with a line break at its end": ("/category", "checks\n", None),
    "category of letters beyond ASCII": ("/category", "gärten", None),
    "price as a number": ("/price", 5, None),
    "price as a list": ("/price", [1, "EUR"], None),
    "price null": ("/price", None, None),
    "amount below zero": ("/price/amount_minor", -1, None),
    "amount too high": ("/price/amount_minor", 1_000_000_001, None),
    "amount above int64": ("/price/amount_minor", 2**63, None),
    "amount below int64": ("/price/amount_minor", -(2**63) - 1, None),
    "amount of twenty-five digits": ("/price/amount_minor", 10**24, None),
    "amount with a fraction": ("/price/amount_minor", 44.5, None),
    "amount as text": ("/price/amount_minor", "44", None),
    "amount as a boolean": ("/price/amount_minor", True, None),
    "amount null": ("/price/amount_minor", None, None),
    "amount as an object": ("/price/amount_minor", {}, None),
    "currency in lower case": ("/price/currency", "eur", None),
    "currency too short": ("/price/currency", "EU", None),
    "currency with a line break at its end": ("/price/currency", "EUR\n", None),
    "currency as a number": ("/price/currency", 978, None),
}
_WRONG_ORDERS: Mapping[str, Row] = {
    "a list": ("", [], None),
    "an empty object": ("", {}, ("/lines",)),
    "a member too many": ("/note", "quickly", None),
    "lines null": ("/lines", None, None),
    "lines as an object": ("/lines", {}, None),
    "no line": ("/lines", [], None),
    "21 lines": ("/lines", [{"product_id": n, "quantity": 1} for n in range(1, 22)], None),
    "a line that is a number": ("/lines/0", 5, None),
    "a line that is empty": ("/lines/0", {}, ("/lines/0/product_id", "/lines/0/quantity")),
    "a member too many in a line": ("/lines/0/price", 1, None),
    "product_id zero": ("/lines/0/product_id", 0, None),
    "product_id above int64": ("/lines/0/product_id", 2**63, None),
    "product_id as text": ("/lines/0/product_id", "1", None),
    "product_id null": ("/lines/0/product_id", None, None),
    "quantity zero": ("/lines/0/quantity", 0, None),
    "quantity 101": ("/lines/0/quantity", 101, None),
    "quantity with a fraction": ("/lines/0/quantity", 1.5, None),
    "quantity as text": ("/lines/0/quantity", "1", None),
    "quantity as a boolean": ("/lines/0/quantity", True, None),
    "no quantity": ("/lines/0/quantity", _MISSING, None),
    "faults in several lines": (
        "/lines",
        [{"product_id": 1, "quantity": 0}, {"product_id": 2, "quantity": 1}, {"quantity": 1, "x": 1}],
        ("/lines/0/quantity", "/lines/2/product_id", "/lines/2/x"),
    ),
}
_WRONG_TRANSITIONS: Mapping[str, Row] = {
    "a list": ("", [], None),
    "an empty object": ("", {}, ("/to",)),
    "a member too many": ("/why", "no reason", None),
    "a status that is none": ("/to", "lost", None),
    "a status in capitals": ("/to", "CONFIRMED", None),
    "null": ("/to", None, None),
    "a list of statuses": ("/to", ["confirmed"], None),
    "NUL": ("/to", "\x00", None),
}
_WRONG_STOCKS: Mapping[str, Row] = {
    "a number": ("", 5, None),
    "an empty object": ("", {}, ("/quantity",)),
    "a member too many": ("/product_id", 1, None),
    "below zero": ("/quantity", -1, None),
    "too many": ("/quantity", 1_000_001, None),
    "above int64": ("/quantity", 2**64, None),
    "a fraction": ("/quantity", 0.5, None),
    "text": ("/quantity", "5", None),
    "a boolean": ("/quantity", False, None),
    "null": ("/quantity", None, None),
}
_WRONG_RECOMMENDATIONS: Mapping[str, Row] = {
    "a list": ("", [], None),
    "an empty object": ("", {}, ("/embeddings",)),
    "a member too many": ("/category", "garden", None),
    "embeddings null": ("/embeddings", None, None),
    "embeddings as an object": ("/embeddings", {}, None),
    "no embedding": ("/embeddings", [], None),
    "33 embeddings": ("/embeddings", [[0] * 64] * 33, None),
    "an embedding null": ("/embeddings/1", None, None),
    "an embedding as text": ("/embeddings/1", "0", None),
    "an embedding of nothing": ("/embeddings/0", [], None),
    "a dimension missing": ("/embeddings/0", [0] * 63, None),
    "a dimension too many": ("/embeddings/1", [0] * 65, None),
    "a value below": ("/embeddings/0/0", -128, None),
    "a value above": ("/embeddings/1/63", 128, None),
    "a value above int64": ("/embeddings/0/5", 2**63, None),
    "a fraction": ("/embeddings/0/7", 1.5, None),
    "a value as text": ("/embeddings/0/8", "1", None),
    "a value as a boolean": ("/embeddings/1/9", True, None),
    "a value null": ("/embeddings/0/10", None, None),
    "a value as a list": ("/embeddings/0/11", [1], None),
    "several values": (
        "/embeddings",
        [[0] * 64, [128, *[0] * 61, "1", 0], [None, *[0] * 63]],
        ("/embeddings/1/0", "/embeddings/1/62", "/embeddings/2/0"),
    ),
    "k zero": ("/k", 0, None),
    "k 101": ("/k", 101, None),
    "k with a fraction": ("/k", 1.5, None),
    "k as text": ("/k", "10", None),
    "k as a boolean": ("/k", True, None),
    "k null": ("/k", None, None),
}
_BODIES: Mapping[str, tuple[Any, Mapping[str, Row]]] = {
    "createProduct": (_PRODUCT, _WRONG_PRODUCTS),
    "replaceProduct": (_PRODUCT, _WRONG_PRODUCTS),
    "placeOrder": (_ORDER, _WRONG_ORDERS),
    "moveOrder": ({"to": "confirmed"}, _WRONG_TRANSITIONS),
    "setStock": ({"quantity": 1}, _WRONG_STOCKS),
    "recommend": ({"embeddings": [[0] * 64, [1] * 64], "k": 10}, _WRONG_RECOMMENDATIONS),
}

_PAGES = {
    "limit=0": "limit",
    "limit=101": "limit",
    "limit=-1": "limit",
    "limit=": "limit",
    "limit=ten": "limit",
    "limit=2.5": "limit",
    "limit=true": "limit",
    "limit=1_0": "limit",
    "limit=1e1": "limit",
    "limit=%2B5": "limit",
    "limit=%205": "limit",
    "limit=%D9%A5": "limit",
    "limit=9223372036854775808": "limit",
    "limit=" + "1" * 1000: "limit",
    "limit=5&limit=5": "limit",
    "cursor=": "cursor",
    "cursor=abc": "cursor",
    "cursor=%21%21": "cursor",
    "cursor=" + "a" * 65: "cursor",
    "cursor=MQ&cursor=MQ": "cursor",
    "limit=0&cursor=%21": "limit cursor",
}
_QUERIES = {
    "listProducts": {
        **_PAGES,
        "category=": "category",
        "category=Garden": "category",
        "category=garden%0A": "category",
        "category=" + "c" * 41: "category",
        "category=garden&category=garden": "category",
        "q=": "q",
        "q=%00": "q",
        "q=" + "x" * 101: "q",
        "q=a&q=b": "q",
        "limit=101&cursor=%21&category=A&q=": "limit cursor category q",
    },
    "listOrders": {
        **_PAGES,
        "status=": "status",
        "status=lost": "status",
        "status=PLACED": "status",
        "status=placed&status=placed": "status",
        "limit=x&cursor=%21&status=1": "limit cursor status",
    },
}
_WRONG_IDS = (
    "0",
    "-1",
    "abc",
    "1.5",
    "9223372036854775808",
    "1" * 1000,
    "true",
    "1_0",
    "1e0",
    "%2B1",
    "1%20",
    "%D9%A5",
    "%00",
    "null",
    "%20",
)
_WRONG_KEYS = {
    "no key": None,
    "too short": "1234567",
    "too long": "k" * 65,
    "a blank": "key 12345",
    "a dot": "key.12345",
}


def cases(contract: Contract, role: str) -> Iterable[Case]:
    for operation in contract.of_role(role):
        if operation.id in _BODIES:
            valid, wrong = _BODIES[operation.id]
            yield case("every wrong field of the body is named", operation.id, _bodies(operation, valid, wrong))
        if operation.id in _QUERIES:
            yield case("every wrong query parameter is named", operation.id, _queries(operation))
        if "{" in operation.path:
            yield case("an id that is none is named", operation.id, _ids(operation))
        if operation.body and "{" in operation.path:
            yield case("path and body are named together", operation.id, _path_and_body(operation))
        if operation.id == "placeOrder":
            yield case("an Idempotency-Key that is none is named", operation.id, _keys)
            yield case("a product in two lines is named", operation.id, _twice)
        if operation.id in _BODIES:
            yield case("a number of 5,000 digits is refused", operation.id, _digits(operation))
            yield case("a member whose name is no text is refused", operation.id, _strange_members(operation))


def _send(probe: Probe, operation: Operation, content: bytes, fields: Fields | None) -> None:
    headers = {"Idempotency-Key": probe.ids.key()} if operation.id == "placeOrder" else {}
    path = {"product_id": INT64_MAX, "order_id": INT64_MAX}
    request = probe.setting.request(operation.id, path=path, headers=headers, content=content)
    probe.refused(request, "invalid", fields)


def _bodies(operation: Operation, valid: Any, wrong: Mapping[str, Row]) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        for what, (pointer, value, named) in wrong.items():
            content = json.dumps(_with(valid, pointer, value)).encode()
            with probe.about(what):
                _send(probe, operation, content, body_fields(*(named if named is not None else (pointer,))))

    return run


def _with(valid: Any, pointer: str, value: Any) -> Any:
    """A copy of `valid` in which the place of the pointer holds the value, or nothing where it is missing."""
    if not pointer:
        return value
    document = copy.deepcopy(valid)
    *way, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))
    place = document
    for part in way:
        place = place[int(part)] if isinstance(place, list) else place[part]
    key: Any = int(last) if isinstance(place, list) else last
    if value is _MISSING:
        del place[key]
    else:
        place[key] = value
    return document


def _queries(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        for query, named in _QUERIES[operation.id].items():
            with probe.about(query[:60]):
                fields = frozenset(("query", name) for name in named.split())
                probe.refused(probe.setting.request(operation.id, query=query), "invalid", fields)

    return run


def _ids(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        valid = _BODIES[operation.id][0] if operation.body else None
        content = json.dumps(valid).encode() if operation.body else None
        name = operation.path.partition("{")[2].partition("}")[0]
        for wrong in _WRONG_IDS:
            with probe.about(wrong[:30]):
                request = probe.setting.request(operation.id, path={name: wrong}, content=content)
                probe.refused(request, "invalid", frozenset({("path", name)}))

    return run


def _path_and_body(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        name = operation.path.partition("{")[2].partition("}")[0]
        request = probe.setting.request(operation.id, path={name: "0"}, content=b'"text"')
        probe.refused(request, "invalid", frozenset({("path", name), ("body", "")}))

    return run


def _keys(probe: Probe) -> None:
    key_only = frozenset({("header", "Idempotency-Key")})
    for what, key in _WRONG_KEYS.items():
        with probe.about(what):
            request = probe.setting.request("placeOrder", body=_ORDER).with_header("Idempotency-Key", key)
            probe.refused(request, "invalid", key_only)
            request = probe.setting.request("placeOrder", body={}).with_header("Idempotency-Key", key)
            probe.refused(request, "invalid", key_only | body_fields("/lines"))


def _twice(probe: Probe) -> None:
    """At the later line, or at its product_id."""
    request = probe.order((1, 1), (2, 1), (1, 2))
    answer = probe.refused(request, "invalid")
    if answer.status == STATUS_OF["invalid"] and isinstance(answer.document, dict):
        named = {(error["in"], error["field"]) for error in answer.document.get("errors", ())}
        fits = len(named) == 1 and named <= body_fields("/lines/2", "/lines/2/product_id")
        probe.expect(fits, answer, "an error for body '/lines/2/product_id'")


def _digits(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        """JSON by the letter; a reader may refuse to read it, or read it and find it too large."""
        headers = {"Idempotency-Key": probe.ids.key()} if operation.id == "placeOrder" else {}
        path = {"product_id": INT64_MAX, "order_id": INT64_MAX}
        content = b'{"quantity": %s}' % (b"9" * 5000)
        answer = probe.send(probe.setting.request(operation.id, path=path, headers=headers, content=content))
        probe.is_problem(answer, "malformed-json" if answer.status == STATUS_OF["malformed-json"] else "invalid")

    return run


def _strange_members(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        for name in (b"\\u0000", b"\\ud800", "ключ".encode(), b"__proto__", b"a" * 3000):
            _send(probe, operation, b'{"%s": 1}' % name, None)

    return run
