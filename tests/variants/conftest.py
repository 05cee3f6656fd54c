"""The real variants, played on the shared lab."""

from __future__ import annotations

import pytest

from lab.core.manifest import Manifest
from lab.tree import SERVICES
from lab.variants import load_manifests

VARIANTS = load_manifests([SERVICES])


@pytest.fixture(scope="session", params=list(VARIANTS))
def variant(request: pytest.FixtureRequest) -> Manifest:
    return VARIANTS[request.param]
