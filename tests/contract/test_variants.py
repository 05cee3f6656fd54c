"""Every variant keeps the contract in every role that it plays."""

from __future__ import annotations

import pytest

from lab.contract.checker import HttpContractChecker
from tests.contract.running import Running

SEED = 20_260_101


@pytest.mark.slow
def test_a_variant_keeps_the_contract(running: Running) -> None:
    report = HttpContractChecker(SEED).check(
        running.url, running.role, (), running.token_key, running.fake_catalog_url, running.metrics_url
    )
    assert "\n\n".join(report.violations) == ""
    assert report.not_run == ()
    assert min(report.examples.values()) >= 50
    assert all(report.successes[name] >= 0.2 * count for name, count in report.examples.items())
