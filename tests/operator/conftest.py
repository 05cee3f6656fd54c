"""What the tests of the operator share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.operator import operating
from tests.operator.operating import Shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A Deployment with one pod, which has nothing to do, and no autoscaler yet."""
    with operating.shop() as shop:
        yield shop
