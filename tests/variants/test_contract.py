"""Every variant keeps the contract, nothing excluded, in every role, on real PostgreSQL and Valkey."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
import yaml

from lab.cli.compare import free_url
from lab.contract import schema
from lab.contract.checker import HttpContractChecker
from lab.core.deployment import Deployment
from lab.core.manifest import Manifest
from lab.core.roles import UPSTREAMS
from lab.runtimes.local import LocalRuntime
from lab.tree import CONTRACT

EXAMPLES_MIN = 50
SUCCESS_SHARE_MIN = 0.2

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("role", ["catalog", "orders", "ping"])
def test_the_contract_is_kept(variant: Manifest, role: str, runtime: LocalRuntime) -> None:
    fake_catalog_url = free_url() if role in UPSTREAMS else ""
    needs_data = role in variant.roles
    service = runtime.deploy(
        Deployment(
            name=f"contract-{variant.name}-{role}",
            variant=variant,
            role=role,
            database_url=runtime.database(variant, f"contract_{variant.name}_{role}") if needs_data else "",
            cache_url=runtime.cache_url() if needs_data else "",
            catalog_url=fake_catalog_url,
        )
    )
    report = HttpContractChecker().check(
        service.url, role, (), runtime.token_key(), fake_catalog_url, service.replicas[0].metrics_url
    )
    runtime.remove(service.name)
    assert "\n".join(report.violations) == ""
    assert report.not_run == ()
    assert {name: count for name, count in report.examples.items() if count < EXAMPLES_MIN} == {}
    shares = {name: report.successes[name] / count for name, count in report.examples.items()}
    assert {name: share for name, share in shares.items() if share < SUCCESS_SHARE_MIN} == {}


def test_the_tables_are_those_of_the_contract(variant: Manifest, runtime: LocalRuntime) -> None:
    expected: dict[str, Any] = yaml.safe_load((CONTRACT / "schema.yaml").read_text())
    with psycopg.connect(runtime.database(variant, f"schema_{variant.name}")) as connection:
        assert schema.differences(expected, schema.read(connection, expected)) == []
