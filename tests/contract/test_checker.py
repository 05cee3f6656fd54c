"""The checker finds nothing in a service that keeps the contract, and each broken rule in one that breaks it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from shop.settings import CATALOG_TIMEOUT_S

from lab.contract import cases
from lab.contract.cases import streams, upstream
from lab.contract.cases.case import Case, Needs
from lab.contract.client import Client
from lab.contract.document import load
from lab.contract.fake_catalog import FakeCatalog
from lab.contract.probe import Ids, Setting
from lab.contract.tokens import Tokens
from tests.contract import (
    broken_catalog,
    broken_orders,
    broken_placing,
    broken_recommend,
    broken_requests,
    broken_streams,
)
from tests.contract.breaking import Broken
from tests.contract.reference_server import serving
from tests.contract.reference_service import DEADLINE_S, KEY, Answer, Request, Shop
from tests.contract.reference_streams import QUIET_S
from tests.ports import HOST, free_port

ROLES = ("catalog", "orders", "recommend", "ping")
BROKEN = (
    *broken_requests.BROKEN,
    *broken_catalog.BROKEN,
    *broken_placing.BROKEN,
    *broken_orders.BROKEN,
    *broken_streams.BROKEN,
    *broken_recommend.BROKEN,
)
UPSTREAM_TIMES = ("TIMEOUT_ANSWER_S", "HANGING_S", "BELOW_DEADLINE_S", "EACH_OF_TWENTY_S", "TWENTY_ANSWER_S")


@pytest.fixture(autouse=True)
def _time_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference service keeps other times than the contract's, and the cases about them expect these."""
    for name in UPSTREAM_TIMES:
        shorter = getattr(upstream, name) * DEADLINE_S / CATALOG_TIMEOUT_S
        monkeypatch.setattr(upstream, name, shorter)
    monkeypatch.setattr(streams, "HEARTBEAT_S", (QUIET_S / 2, 2 * QUIET_S))


def cases_of(role: str) -> dict[str, Case]:
    contract = load()
    found = cases.of_operations(contract, role, (operation.id for operation in contract.of_role(role)))
    return {case.name: case for case in found if case.needs is not Needs.METRICS_URL}


@contextmanager
def checked(role: str, kind: type[Shop] = Shop) -> Iterator[tuple[Setting, Client]]:
    """A running service of this kind, and the fake catalog that it asks, as cases meet them."""
    port = free_port()
    catalog = FakeCatalog(HOST, port)
    catalog.up()
    with serving(kind(role, f"http://{HOST}:{port}")) as url:
        client = Client(url)
        yield Setting(load(), url, Tokens(KEY, time.time), Ids(), catalog), client
        client.close()
    catalog.down()


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_found_where_the_contract_is_kept(role: str) -> None:
    with checked(role) as (setting, client):
        found = [violation for case in cases_of(role).values() for violation in case.violations(setting, client)]
    assert "\n".join(map(str, found)) == ""


@pytest.mark.parametrize("broken", BROKEN, ids=[broken.rule for broken in BROKEN])
def test_a_broken_rule_is_found(broken: Broken) -> None:
    with checked(broken.role, broken.kind()) as (setting, client):
        found = cases_of(broken.role)[broken.case].violations(setting, client)
    assert found, f"nothing was found by {broken.case!r}"
    assert all(violation.request.count("curl ") == 1 for violation in found)


def test_every_case_has_a_rule_that_breaks_it() -> None:
    """Whatever operation it is about: a case that nothing can fail checks nothing."""
    about = {name.partition(": ")[2] or name for role in ROLES for name in cases_of(role)}
    assert about - {broken.case.partition(": ")[2] or broken.case for broken in BROKEN} == set()


class _AnswersAnything(Shop):
    def answer(self, request: Request) -> Answer:
        return 200, {"status": "ok"}, {}


@pytest.mark.parametrize("role", ROLES)
def test_every_case_fails_a_service_that_answers_anything(role: str) -> None:
    with checked(role, _AnswersAnything) as (setting, client):
        passed = [name for name, case in cases_of(role).items() if not case.violations(setting, client)]
    harmless = [
        name for name in passed if "HEAD answers as GET" in name or name == "ping: answers in a documented form"
    ]
    assert passed == harmless
