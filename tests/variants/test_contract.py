"""Every variant keeps the contract, nothing excluded, in every role, on real PostgreSQL and Valkey."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
import yaml
from shop.settings import ROLES

from lab.contract import schema
from lab.contract.checker import HttpContractChecker
from lab.core.deployment import Service
from lab.core.roles import UPSTREAMS
from lab.ports import ContractReport
from lab.runtimes.local import LocalRuntime
from lab.tree import CONTRACT

EXAMPLES_MIN = 50
SUCCESS_SHARE_MIN = 0.2
CHECKER = HttpContractChecker()  # one, so that requests are made up once

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reports(
    playing: Callable[[str], Service], runtime: LocalRuntime, fake_catalog_url: str
) -> Iterator[Mapping[str, Future[ContractReport]]]:
    """Every role is checked at the same time: much of a check is waiting."""

    def check(role: str) -> ContractReport:
        service = playing(role)
        catalog_url = fake_catalog_url if role in UPSTREAMS else ""
        metrics_url = service.replicas[0].metrics_url
        return CHECKER.check(service.url, role, (), runtime.token_key(), catalog_url, metrics_url)

    with ThreadPoolExecutor(len(ROLES)) as pool:
        yield {role: pool.submit(check, role) for role in ROLES}


@pytest.mark.parametrize("role", ROLES)
def test_the_contract_is_kept(reports: Mapping[str, Future[ContractReport]], role: str) -> None:
    report = reports[role].result()
    assert "\n".join(report.violations) == ""
    assert report.not_run == ()
    assert {name: count for name, count in report.examples.items() if count < EXAMPLES_MIN} == {}
    shares = {name: report.successes[name] / count for name, count in report.examples.items()}
    assert {name: share for name, share in shares.items() if share < SUCCESS_SHARE_MIN} == {}


def test_the_tables_are_those_of_the_contract(database_url: str) -> None:
    expected: dict[str, Any] = yaml.safe_load((CONTRACT / "schema.yaml").read_text())
    with psycopg.connect(database_url) as connection:
        assert schema.differences(expected, schema.read(connection, expected)) == []
