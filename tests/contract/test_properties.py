"""Made-up requests: how many, how many succeed, and what they find that no table of cases would."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from shop.problems import FieldError

from lab.contract import properties
from lab.contract.document import load
from lab.contract.fake_catalog import FakeCatalog
from lab.contract.made_up import MadeUp, of_seed
from lab.contract.probe import Ids, Setting
from lab.contract.properties import Outcome
from lab.contract.tokens import Tokens
from tests.contract.reference_server import serving
from tests.contract.reference_service import KEY, Answer, Request, Shop
from tests.contract.reference_streams import Happened, Streams
from tests.ports import free_port

MADE_UP = of_seed(load(), 1)


@contextmanager
def made_up(shop: type[Shop], role: str, *operations: str) -> Iterator[dict[str, Outcome]]:
    """The outcome of each operation (all of the role where none is named)."""
    port = free_port()
    catalog = FakeCatalog("127.0.0.1", port)
    catalog.up()
    contract = load()
    chosen = [operation for operation in contract.of_role(role) if not operations or operation.id in operations]
    with serving(shop(role, f"http://127.0.0.1:{port}")) as url:
        setting = Setting(contract, url, Tokens(KEY, time.time), Ids(), catalog)
        yield {operation.id: outcome for operation, outcome in properties.check(setting, chosen, MADE_UP)}
    catalog.down()


@pytest.mark.slow
@pytest.mark.parametrize("role", ["catalog", "orders", "recommend"])
def test_nothing_is_found_where_the_contract_is_kept(role: str) -> None:
    with made_up(Shop, role) as outcomes:
        assert {operation.id for operation in load().of_role(role)} == set(outcomes)
        for name, outcome in outcomes.items():
            assert "\n".join(map(str, outcome.violations)) == "", name
            assert outcome.examples >= properties.EXAMPLES_MIN, name
            assert outcome.successes >= properties.SUCCESS_SHARE_MIN * outcome.examples, name


class _CrashesOnLongNames(Shop):
    def create_product(self, request: Request) -> Answer:
        if len(request.body["name"]) == 200:
            raise ZeroDivisionError
        return super().create_product(request)

    def answer(self, request: Request) -> Answer:
        try:
            return super().answer(request)
        except ZeroDivisionError:
            return 500, {}, {}


class _TakesNull(Shop):
    def violations(self, operation: str, request: Request) -> list[FieldError]:
        errors = super().violations(operation, request)
        return [] if request.body == {"quantity": None} else errors

    def set_stock(self, request: Request) -> Answer:
        quantity = request.body["quantity"]
        return 200, {"product_id": request.id, "quantity": 0 if quantity is None else int(quantity)}, {}


class _RefusesTheLimit(Shop):
    def violations(self, operation: str, request: Request) -> list[FieldError]:
        too_much = [FieldError("query", "limit", "is wrong")] if request.parameter("limit") == "100" else []
        return super().violations(operation, request) or too_much


class _AnswersMore(Shop):
    def get_product(self, request: Request) -> Answer:
        status, document, headers = super().get_product(request)
        return status, {**document, "weight": 1}, headers


class _Undocumented(Shop):
    def move_order(self, request: Request) -> Answer:
        _, document, headers = super().move_order(request)
        return 202, document, headers


class _RefusesEverything(Shop):
    def get_product(self, request: Request) -> Answer:
        request.values = {"product_id": str(2**62)}
        return super().get_product(request)


class _InOtherWords(Shop):
    class kind_of_streams(Streams):
        def block(self, event: Happened) -> bytes:
            return super().block(event).replace(b'"status":', b'"state":')


FOUND: Sequence[tuple[str, type[Shop], str, str, str]] = [
    ("a crash at the schema's edge", _CrashesOnLongNames, "catalog", "createProduct", "Server error"),
    ("null that is taken", _TakesNull, "orders", "setStock", "Schema-violating"),
    ("an edge that is refused", _RefusesTheLimit, "catalog", "listProducts", "Schema-valid request rejected"),
    ("a member too many", _AnswersMore, "catalog", "getProduct", "schema"),
    ("an event of another form", _InOtherWords, "orders", "streamOrder", "SSE event payload"),
    ("a status that is not documented", _Undocumented, "orders", "moveOrder", "Undocumented"),
    ("too few successes", _RefusesEverything, "catalog", "getProduct", "at least 20%"),
]


@pytest.mark.parametrize(
    ("shop", "role", "operation", "expected"), [row[1:] for row in FOUND], ids=[row[0] for row in FOUND]
)
def test_a_broken_rule_is_found(shop: Any, role: str, operation: str, expected: str) -> None:
    with made_up(shop, role, operation) as outcomes:
        found = [violation.expected for violation in outcomes[operation].violations]
    assert any(expected in text for text in found), found


def test_the_same_seed_makes_up_the_same_requests() -> None:
    operation = load().operations["moveOrder"]
    one, same, other = ([repr(case.body) for case in MadeUp(load(), seed).cases(operation)] for seed in (2, 2, 3))
    assert one == same
    assert one != other


def test_requests_are_made_up_once_and_each_service_gets_its_own() -> None:
    operation = load().operations["createProduct"]
    first, second = MADE_UP.cases(operation), MADE_UP.cases(operation)
    first[0].body = {}
    assert second[0].body != {}


def test_several_threads_may_ask() -> None:
    """The generator itself is not made for threads."""
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(MadeUp(load(), seed).cases, load().operations["setStock"]) for seed in range(3)]
    assert all(len(answer.result()) >= properties.EXAMPLES_MIN for answer in asked)
