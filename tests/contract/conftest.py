"""Fixtures of the contract tests."""

from __future__ import annotations

import pytest

from tests.contract.running import Running


@pytest.fixture
def running() -> Running:
    """A variant in a role; replaced where variants can be started."""
    pytest.skip("nothing starts variants here")
