"""What a behaviour case works with: requests to the service, and what it expects of the answers.

Expectations that fail become violations, and the case goes on; `Abandoned` ends it where the rest depends on them.
"""

from __future__ import annotations

import itertools
import json
import secrets
import string
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from shop import seed

from lab.contract.client import Answer, Client, NoAnswer, Request
from lab.contract.document import PROBLEM_MEDIA_TYPE, PROBLEM_TYPE_PREFIX, Contract
from lab.contract.fake_catalog import FakeCatalog, Product
from lab.contract.tokens import Tokens
from lab.core.operations import EVENTS, Operation

UNSET: Any = object()
Fields = frozenset[tuple[str, str]]

STATUS_OF = {
    "malformed-json": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "sku-taken": 409,
    "product-unknown": 409,
    "out-of-stock": 409,
    "currencies-differ": 409,
    "idempotency-key-reused": 409,
    "transition-refused": 409,
    "length-required": 411,
    "content-too-large": 413,
    "unsupported-media-type": 415,
    "invalid": 422,
    "dependency-unavailable": 503,
    "too-many-streams": 503,
    "upstream-timeout": 504,
}
_FOUND_MAX_CHARACTERS = 400


class Abandoned(Exception):
    """The rest of the case depends on an expectation that failed."""


@dataclass(frozen=True, slots=True)
class Violation:
    case: str
    request: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.case}\n  expected  {self.expected}\n  found     {self.found}\n  repeat    {self.request}"


class Ids:
    """Names and numbers that no earlier check of the same database used."""

    def __init__(self) -> None:
        self._tag = "".join(secrets.choice(string.ascii_lowercase) for _ in range(7))
        self._numbers = itertools.count(1)
        self._products = itertools.count(10**12 + secrets.randbelow(10**6) * 10**6)
        self._seeded = itertools.count(seed.PRODUCTS, -1)

    def word(self) -> str:
        """Lower-case letters and digits, beginning with a letter."""
        return f"{self._tag}{next(self._numbers)}"

    def sku(self) -> str:
        return self.word().upper()

    def key(self) -> str:
        return f"key-{self.word()}"

    def product(self) -> int:
        return next(self._products)

    def seeded_product(self) -> int:
        return next(self._seeded)


@dataclass(slots=True)
class Setting:
    """What all cases of one check share. `fake_catalog` and `metrics_url` are there only if the user gave them.

    `stopped` is set when the check is given up: no case need wait any longer.
    """

    contract: Contract
    url: str
    tokens: Tokens
    ids: Ids
    fake_catalog: FakeCatalog | None = None
    metrics_url: str = ""
    stopped: threading.Event = field(default_factory=threading.Event)
    touched_stock: set[int] = field(default_factory=set)

    def operation(self, operation_id: str) -> Operation:
        return self.contract.operations[operation_id]

    def request(
        self,
        operation_id: str,
        *,
        path: Mapping[str, object] | None = None,
        query: Mapping[str, object] | str = "",
        body: Any = UNSET,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Request:
        """A request that holds a token where one is asked for. `body` is sent as JSON, `content` as it is."""
        operation = self.operation(operation_id)
        target = operation.path
        for name, value in (path or {}).items():
            target = target.replace(f"{{{name}}}", quote(str(value), safe="%"))
        text = query if isinstance(query, str) else urlencode(query)
        if text:
            target += f"?{text}"
        parts = {"Accept": f"{EVENTS if operation.streams else 'application/json'}, {PROBLEM_MEDIA_TYPE}"}
        if operation.scope:
            parts["Authorization"] = self.tokens.bearer(operation.scope)
        if operation.body:
            parts["Content-Type"] = "application/json"
        parts.update(headers or {})
        if body is not UNSET:
            content = json.dumps(body).encode()
        return Request(operation_id, operation.method, target, tuple(parts.items()), content)


@dataclass(slots=True)
class Probe:
    """One case's hands."""

    setting: Setting
    case: str
    client: Client
    violations: list[Violation] = field(default_factory=list)

    @property
    def ids(self) -> Ids:
        return self.setting.ids

    @property
    def fake_catalog(self) -> FakeCatalog:
        assert self.setting.fake_catalog is not None
        return self.setting.fake_catalog

    @contextmanager
    def about(self, detail: str) -> Iterator[None]:
        """Violations inside are of this row of the case."""
        whole, self.case = self.case, f"{self.case} ({detail})"
        try:
            yield
        finally:
            self.case = whole

    # sending

    def send(self, request: Request) -> Answer:
        try:
            return self.client.send(request)
        except NoAnswer as error:
            self.violation(request, "an answer", str(error))
            raise Abandoned from error

    def at_once(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers to requests that leave together, each on a connection of its own."""
        together = threading.Barrier(len(requests))

        def send(request: Request) -> Answer | NoAnswer:
            client = Client(self.setting.url)
            together.wait()
            try:
                return client.send(request)
            except NoAnswer as error:
                return error
            finally:
                client.close()

        with ThreadPoolExecutor(len(requests)) as pool:
            results = list(pool.map(send, requests))
        for request, result in zip(requests, results, strict=True):
            if isinstance(result, NoAnswer):
                self.violation(request, "an answer", str(result))
        answers = [result for result in results if isinstance(result, Answer)]
        if len(answers) < len(requests):
            raise Abandoned
        return answers

    # expecting

    def violation(self, request: Request, expected: str, found: str, url: str = "") -> None:
        """`url` is the service's where none is given."""
        self.violations.append(Violation(self.case, request.curl(url or self.setting.url), expected, found))

    def expect(self, holds: bool, answer: Answer, expected: str, found: object = UNSET) -> bool:
        """Whether `holds`; a violation where not. What was found is the answer if nothing else is given."""
        if not holds:
            self.violation(answer.request, expected, described(answer) if found is UNSET else str(found))
        return holds

    def require(self, holds: bool, answer: Answer, expected: str, found: object = UNSET) -> None:
        if not self.expect(holds, answer, expected, found):
            raise Abandoned

    def conforms(self, answer: Answer, status: int) -> bool:
        """Whether the answer has this status and the form documented for it."""
        if not self.expect(answer.status == status, answer, f"status {status}"):
            return False
        operation = self.setting.operation(answer.request.operation)
        breaches = self.setting.contract.breaches(operation, status, answer.headers, answer.document)
        for breach in breaches:
            self.violation(answer.request, "the documented form", breach)
        return not breaches

    def succeed(self, request: Request, status: int = 200) -> Answer:
        """The answer of a request that must succeed, or the case is abandoned."""
        answer = self.send(request)
        if not self.conforms(answer, status):
            raise Abandoned
        return answer

    def document(self, operation_id: str, status: int = 200, **parts: Any) -> Any:
        """The JSON that a request which must succeed is answered with."""
        return self.succeed(self.setting.request(operation_id, **parts), status).document

    def refused(self, request: Request, kind: str, fields: Fields | None = None) -> Answer:
        """Sends what must be refused as `kind`, naming exactly `fields` where given."""
        answer = self.send(request)
        self.is_problem(answer, kind, fields)
        return answer

    def is_problem(self, answer: Answer, kind: str, fields: Fields | None = None) -> bool:
        """Whether the answer is a whole problem document of this kind, naming exactly `fields` where given."""
        if not self.expect(answer.status == STATUS_OF[kind], answer, f"{STATUS_OF[kind]} {kind}"):
            return False
        if answer.request.method == "HEAD":
            return True
        breaches = list(self._problem_breaches(answer, kind, fields))
        for expected, found in breaches:
            self.violation(answer.request, expected, found)
        return not breaches

    def _problem_breaches(self, answer: Answer, kind: str, fields: Fields | None) -> Iterable[tuple[str, str]]:
        media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != PROBLEM_MEDIA_TYPE:
            yield PROBLEM_MEDIA_TYPE, f"Content-Type {media_type or 'missing'}"
        document = answer.document
        breaches = self.setting.contract.problem_breaches(document)
        if breaches:
            yield "a problem document", f"{breaches[0]} in {described(answer)}"
            return
        if document["type"] != PROBLEM_TYPE_PREFIX + kind:
            yield f"type {PROBLEM_TYPE_PREFIX}{kind}", document["type"]
        if document["status"] != answer.status:
            yield f"status {answer.status} in the document too", document["status"]
        operation = self.setting.contract.operations.get(answer.request.operation)
        if operation is not None and str(answer.status) in operation.responses:
            for breach in self.setting.contract.breaches(operation, answer.status, answer.headers, document):
                if breach.startswith("header"):
                    yield "the documented headers", breach
        if kind == "invalid" and "errors" not in document:
            yield "errors that name every field", described(answer)
        elif fields is not None:
            named = frozenset((error["in"], error["field"]) for error in document.get("errors", ()))
            if named != fields:
                yield f"errors for {_listed(fields)}", f"errors for {_listed(named)}"

    # what many cases prepare

    def product(self, **changes: Any) -> dict[str, Any]:
        """A product input that is valid, and that no other case makes."""
        return {
            "sku": self.ids.sku(),
            "name": f"Thing {self.ids.word()}",
            "description": "Made for a check.",
            "category": "checks",
            "price": {"amount_minor": 1999, "currency": "EUR"},
            **changes,
        }

    def created(self, **changes: Any) -> Any:
        return self.document("createProduct", 201, body=self.product(**changes))

    def orderable(self, stock: int, product: Product | None = None) -> int:
        """The id of a product that the catalog has, with this many pieces in stock and nobody else ordering it."""
        if self.setting.fake_catalog is not None:
            product_id = self.ids.product()
            self.setting.fake_catalog.serve(product_id, product or Product())
        else:
            product_id = self.ids.seeded_product()
            self.setting.touched_stock.add(product_id)
        self.document("setStock", path={"product_id": product_id}, body={"quantity": stock})
        return product_id

    def order(self, *lines: tuple[int, int], key: str | None = None) -> Request:
        """A request for an order of (product id, quantity) lines."""
        return self.setting.request(
            "placeOrder",
            headers={"Idempotency-Key": key or self.ids.key()},
            body={"lines": [{"product_id": product_id, "quantity": quantity} for product_id, quantity in lines]},
        )

    def placed(self, *lines: tuple[int, int]) -> Any:
        """An order that has been placed; of one piece of a seeded product where no lines are given."""
        return self.succeed(self.order(*(lines or ((1, 1),))), 201).document

    def move(self, order_id: int, to: str) -> Request:
        return self.setting.request("moveOrder", path={"order_id": order_id}, body={"to": to})

    def pages(self, operation_id: str, between: Callable[[], None] | None = None, **query: object) -> list[Any]:
        """All items of all pages; `between` runs after each page but the last."""
        items: list[Any] = []
        cursor = None
        for _ in range(10_000):
            asked = query if cursor is None else {**query, "cursor": cursor}
            answer = self.succeed(self.setting.request(operation_id, query=asked))
            page = answer.document
            limit = int(str(query.get("limit", 20)))
            full = len(page["items"]) == limit or (page["next_cursor"] is None and len(page["items"]) < limit)
            self.require(full, answer, f"{limit} items on every page but the last, and no more")
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items
            if between is not None:
                between()
        self.require(False, answer, "a last page")
        return items


def described(answer: Answer) -> str:
    text = answer.body.decode("utf-8", errors="replace")
    shown = text if len(text) <= _FOUND_MAX_CHARACTERS else f"{text[:_FOUND_MAX_CHARACTERS]}…"
    return f"{answer.status} {shown}".rstrip()


def _listed(fields: Fields) -> str:
    return ", ".join(f"{where} {field!r}" for where, field in sorted(fields)) or "nothing"


def body_fields(*pointers: str) -> Fields:
    return frozenset(("body", pointer) for pointer in pointers)
