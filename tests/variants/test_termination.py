"""One of two replicas ends under keep-alive traffic: whatever a replica has read is answered, in every variant."""

from __future__ import annotations

import pytest

from lab.core.deployment import Deployment
from lab.core.manifest import PING_ROLE, Manifest
from lab.runtimes.local import LocalRuntime
from lab.runtimes.supervision import ports
from tests.runtimes import termination
from tests.runtimes.test_termination import RESET_SHARE_MAX

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ports.SHARED_PORTS, reason="replicas share a port on Linux only"),
]


def test_one_of_two_replicas_ends_under_load(variant: Manifest, runtime: LocalRuntime) -> None:
    name = f"ending-{variant.name}"
    service = runtime.deploy(Deployment(name, variant, PING_ROLE, replicas=2))

    seen = termination.measure(service.url, "/ping", lambda: runtime.scale(name, 1), rate_per_s=500, duration_s=3)

    runtime.remove(name)
    assert (seen.closed, seen.cut) == (0, 0)
    assert seen.reset <= RESET_SHARE_MAX * seen.sent
