"""Broken rules of paths, tokens, bodies and fields."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from typing import Any

from shop import documents, tokens
from shop.problems import FieldError, Problem

from tests.contract.breaking import (
    Broken,
    changed,
    problems,
    violations_but,
    without,
)
from tests.contract.reference_service import KEY, Answer, Request, Shop


def _no_signature(shop: Shop, header: str | None, scope: str) -> None:
    claims = json.loads(base64.urlsafe_b64decode((header or "a.e30.c").split(".")[1] + "=="))
    if claims.get("aud") not in ("shop", ["warehouse", "shop"]):
        raise Problem("unauthorized", "no", headers={"WWW-Authenticate": "Bearer"})
    if scope not in claims["scope"].split():
        raise Problem("forbidden", "no")


def _no_leeway(shop: Shop, header: str | None, scope: str) -> None:
    tokens.require_scope(header, scope, KEY)
    claims = json.loads(base64.urlsafe_b64decode((header or "").split(".")[1] + "=="))
    if claims["exp"] < time.time():
        raise Problem("unauthorized", "expired", headers={"WWW-Authenticate": "Bearer"})


def _scope_as_substring(shop: Shop, header: str | None, scope: str) -> None:
    try:
        tokens.require_scope(header, scope, KEY)
    except Problem as problem:
        if problem.kind != "forbidden" or scope not in _claims(header)["scope"]:
            raise


def _claims(header: str | None) -> Any:
    return json.loads(base64.urlsafe_b64decode((header or "").split(".")[1] + "=="))


def _body_first(shop: Shop, operation: str, request: Request) -> Answer:
    if request.headers.get("Content-Length") is None and request.method in ("POST", "PUT"):
        raise Problem("length-required", "Send Content-Length")
    return Shop.judged(shop, operation, request)


def _schema_after_existence(shop: Shop, operation: str, request: Request) -> Answer:
    if operation == "replace_product" and request.id not in shop.products:
        raise Problem("not-found", "There is none")
    return Shop.judged(shop, operation, request)


def _unescaped(shop: Shop, operation: str, request: Request) -> list[FieldError]:
    errors = Shop.violations(shop, operation, request)
    return [FieldError(e.where, e.field.replace("~1", "/").replace("~0", "~"), e.detail) for e in errors]


def _read_body(before: Callable[[Request], Any]) -> Any:
    """Reads the body in another way where `before` gives something."""

    def read_body(shop: Shop, request: Request) -> Any:
        other = before(request)
        return Shop.read_body(shop, request) if other is None else other

    return read_body


def _takes_anything(request: Request) -> Any:
    length = int(request.headers.get("Content-Length") or 0)
    return documents.parse(request.content(length)) if length <= documents.BODY_MAX_BYTES and length else None


def _takes_any_size(request: Request) -> Any:
    length = int(request.headers.get("Content-Length") or 0)
    return documents.parse(request.content(length)) if length > documents.BODY_MAX_BYTES else None


def _limit_is_exclusive(request: Request) -> Any:
    if request.headers.get("Content-Length") == str(documents.BODY_MAX_BYTES):
        raise Problem("content-too-large", "Send less")


def _exact_media_type(request: Request) -> Any:
    if request.headers.get("Content-Type", "application/json") != "application/json":
        raise Problem("unsupported-media-type", "Send application/json")


def _never_ends(shop: Shop, request: Request, items: list[Any], ascending: bool) -> Answer:
    status, page, headers = Shop.page(shop, request, items, ascending)
    return status, {**page, "next_cursor": None}, headers


def _operation_for_any_path(shop: Shop, request: Request) -> str:
    request.path = request.path.rstrip("/")
    return Shop.operation(shop, request)


def _no_options(shop: Shop, request: Request) -> Answer:
    return (204, None, {}) if request.method == "OPTIONS" else Shop.answer(shop, request)


def _no_head(shop: Shop, request: Request) -> Answer:
    return Shop.answer(shop, request) if request.method != "HEAD" else (405, {}, {})


def _crash(content: bytes, sign: bytes) -> Any:
    if sign in content:
        raise Problem("internal-error", "a crash")
    return documents.parse(content)


def _lenient(shop: Shop, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise Problem("malformed-json", str(error)) from None


def _digits_only(shop: Shop, request: Request) -> str:
    if not re.fullmatch("/products(/[0-9]+)?", request.path):
        raise Problem("not-found", "There is nothing at this path")
    return Shop.operation(shop, request)


BROKEN = (
    Broken(
        "ping says something else",
        changed("ping", lambda _: {"status": "OK"}),
        "ping",
        "ping: answers in a documented form",
    ),
    Broken(
        "a slash at the end is ignored",
        {"operation": _operation_for_any_path},
        "catalog",
        "ping: paths of nothing are 404",
    ),
    Broken("OPTIONS is taken", {"answer": _no_options}, "ping", "ping: its path answers 405 to the methods it lacks"),
    Broken(
        "Allow names one method",
        {"allowed": lambda shop, methods: sorted(methods)[:1]},
        "catalog",
        "listProducts: its path answers 405 to the methods it lacks",
    ),
    Broken(
        "Allow forgets HEAD",
        {"allowed": lambda shop, methods: sorted(methods)},
        "catalog",
        "listProducts: its path answers 405 to the methods it lacks",
    ),
    Broken(
        "HEAD is not offered", {"answer": _no_head}, "catalog", "listProducts: HEAD answers as GET does, without a body"
    ),
    Broken(
        "HEAD has a body", {"head_has_body": True}, "catalog", "getProduct: HEAD answers as GET does, without a body"
    ),
    Broken(
        "tokens are not asked for",
        {"authorize": lambda shop, header, scope: None},
        "catalog",
        "deleteProduct: a token that does not hold is 401",
    ),
    Broken(
        "signatures are not checked",
        {"authorize": _no_signature},
        "orders",
        "placeOrder: a token that does not hold is 401",
    ),
    Broken(
        "tokens have no leeway",
        {"authorize": _no_leeway},
        "orders",
        "setStock: a token that holds in an unusual way is accepted",
    ),
    Broken(
        "a scope is looked for in the text",
        {"authorize": _scope_as_substring},
        "catalog",
        "createProduct: a token without the scope is 403",
    ),
    Broken(
        "401 lacks WWW-Authenticate",
        problems(lambda d, h: (d, without("WWW-Authenticate")(h))),
        "catalog",
        "createProduct: a token that does not hold is 401",
    ),
    Broken(
        "bodies are judged before tokens",
        {"judged": _body_first},
        "catalog",
        "createProduct: steps are judged in the documented order",
    ),
    Broken(
        "existence is judged before the schema",
        {"judged": _schema_after_existence},
        "catalog",
        "replaceProduct: steps are judged in the documented order",
    ),
    Broken(
        "chunked bodies are read as empty",
        {"read_body": _read_body(lambda r: None if r.headers.get("Content-Length") else {})},
        "catalog",
        "createProduct: a body without Content-Length is 411",
    ),
    Broken(
        "bodies of any size are taken",
        {"read_body": _read_body(_takes_any_size)},
        "orders",
        "setStock: a body above 65,536 bytes is 413",
    ),
    Broken(
        "the largest body is refused",
        {"read_body": _read_body(_limit_is_exclusive)},
        "orders",
        "moveOrder: a body of 65,536 bytes is taken",
    ),
    Broken(
        "media types are not looked at",
        {"read_body": _read_body(_takes_anything)},
        "orders",
        "placeOrder: a body that is not application/json is 415",
    ),
    Broken(
        "media types have no parameters",
        {"read_body": _read_body(_exact_media_type)},
        "catalog",
        "createProduct: a body that is not application/json is 415",
    ),
    Broken("NaN is JSON", {"parse": _lenient}, "orders", "setStock: a body that is not JSON is 400"),
    Broken(
        "deep nesting is a crash",
        {"parse": lambda shop, content: _crash(content, b"[[[[")},
        "catalog",
        "createProduct: absurd nesting is refused",
    ),
    Broken(
        "many digits are a crash",
        {"parse": lambda shop, content: _crash(content, b"9999999999")},
        "orders",
        "setStock: a number of 5,000 digits is refused",
    ),
    Broken(
        "a member named NUL is a crash",
        {"parse": lambda shop, content: _crash(content, b"\\u0000")},
        "orders",
        "setStock: a member whose name is no text is refused",
    ),
    Broken(
        "only the first wrong field is named",
        {"violations": lambda shop, o, r: Shop.violations(shop, o, r)[:1]},
        "catalog",
        "createProduct: every wrong field of the body is named",
    ),
    Broken(
        "path and body are not named together",
        {"violations": lambda shop, o, r: Shop.violations(shop, o, r)[:1]},
        "catalog",
        "replaceProduct: path and body are named together",
    ),
    Broken(
        "pointers are not escaped",
        {"violations": _unescaped},
        "catalog",
        "createProduct: every wrong field of the body is named",
    ),
    Broken(
        "patterns overlook a line break at the end",
        {"violations": violations_but(lambda e, v: not (isinstance(v, str) and v.endswith("\n")))},
        "catalog",
        "createProduct: every wrong field of the body is named",
    ),
    Broken(
        "numbers as text are taken",
        {"violations": violations_but(lambda e, v: v != "1")},
        "orders",
        "placeOrder: every wrong field of the body is named",
    ),
    Broken(
        "booleans are numbers",
        {"violations": violations_but(lambda e, v: v is not True)},
        "catalog",
        "replaceProduct: every wrong field of the body is named",
    ),
    Broken(
        "surrogates are text",
        {"violations": violations_but(lambda e, v: v != "\udfff")},
        "catalog",
        "createProduct: every wrong field of the body is named",
    ),
    Broken(
        "members too many are ignored",
        {"violations": violations_but(lambda e, v: v != "no reason")},
        "orders",
        "moveOrder: every wrong field of the body is named",
    ),
    Broken(
        "query parameters may be repeated",
        {"violations": violations_but(lambda e, v: e.field != "category")},
        "catalog",
        "listProducts: every wrong query parameter is named",
    ),
    Broken(
        "any cursor is taken",
        {"violations": violations_but(lambda e, v: e.field != "cursor"), "page": _never_ends},
        "orders",
        "listOrders: every wrong query parameter is named",
    ),
    Broken(
        "an id that is none is 404", {"operation": _digits_only}, "catalog", "getProduct: an id that is none is named"
    ),
    Broken(
        "any key is taken",
        {"violations": violations_but(lambda e, v: e.where != "header")},
        "orders",
        "placeOrder: an Idempotency-Key that is none is named",
    ),
    Broken(
        "a product may be in two lines",
        {"violations": violations_but(lambda e, v: e.field != "/lines/2/product_id")},
        "orders",
        "placeOrder: a product in two lines is named",
    ),
    Broken(
        "problems are plain JSON",
        {"media_type": lambda shop, status: "application/json"},
        "catalog",
        "getProduct: a product that does not exist is 404",
    ),
    Broken(
        "problems have no type",
        problems(lambda d, h: ({**d, "type": "about:blank"}, h)),
        "catalog",
        "getProduct: a product that does not exist is 404",
    ),
    Broken(
        "problems have another kind",
        problems(lambda d, h: ({**d, "type": "urn:framework-lab:problem:gone"}, h)),
        "catalog",
        "getProduct: a product that does not exist is 404",
    ),
    Broken(
        "problems have another status",
        problems(lambda d, h: ({**d, "status": 400}, h)),
        "catalog",
        "getProduct: a product that does not exist is 404",
    ),
)
