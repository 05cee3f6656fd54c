"""A rolling update of every variant, under load from inside the cluster: no request is lost.

One each, whatever the machine steals meanwhile: `make prove-rollout` has the figures that may be believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from lab.core.deployment import Deployment
from lab.core.scenario import Request, Scenario, Slo
from lab.core.telemetry import Telemetry
from lab.ports import Load
from lab.runtimes.kubernetes import opening
from lab.runtimes.kubernetes.runtime import KubernetesRuntime
from lab.tree import SERVICES
from lab.variants import load_manifests
from lab.workers.loads import Generator
from tests.cluster.labs import Lab

VARIANTS = load_manifests([SERVICES])
PRODUCT = Request("getProduct", 1, {"product_id": {"integer": [1, 10_000]}}, {}, {}, None)
SCENARIO = Scenario("product", "Reading a product", 30.0, 5.0, (PRODUCT,), Slo(p99_ms=250, error_share=0))
LOADED_S = 45.0  # an update of two replicas takes 25 s at most, with the ends of the old ones
UPDATED_AFTER_TICKS = 8  # of half a second


@pytest.fixture(scope="module")
def opened(lab: Lab) -> Iterator[tuple[KubernetesRuntime, Generator]]:
    place, without = lab.place, frozenset(lab.without.split(","))
    platform = opening.Platform(without, lab.platform_values)
    with (
        opening.cluster_lab(place, lab.directory, list(VARIANTS.values()), platform, lambda step: None) as found,
        found.generator("tests-rollout", 1) as generator,
    ):
        yield found.runtime, generator


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_rolling_update_loses_no_request(opened: tuple[KubernetesRuntime, Generator], variant: str) -> None:
    runtime, generator = opened
    manifest, name = VARIANTS[variant], f"rollout-{variant}"
    service = runtime.deploy(
        Deployment(
            name=name,
            variant=manifest,
            role="catalog",
            replicas=2,
            database_url=runtime.database(manifest, f"rollout_{variant}"),
            cache_url=runtime.cache_url(),
            telemetry=Telemetry.parse("metrics"),
        )
    )
    before = {replica.id for replica in service.replicas}
    ticks = iter(range(1_000_000))
    rolls: list[Future[None]] = []
    with ThreadPoolExecutor(1) as pool:

        def tick() -> None:
            if next(ticks) == UPDATED_AFTER_TICKS:
                rolls.append(pool.submit(runtime.roll, name))

        measured = generator.run(
            Load(SCENARIO, {"catalog": service.url}, name, SCENARIO.rate_per_s, LOADED_S, 1, ""), tick
        )
        rolled_in_time = rolls[0].done()
        rolls[0].result()
    after = {usage.replica for usage in runtime.usage(name)}
    runtime.remove(name)

    assert rolled_in_time, f"the update took longer than {LOADED_S:g} s of load"
    assert before.isdisjoint(after)
    assert (measured.errors, measured.answered) == ({}, measured.scheduled)
