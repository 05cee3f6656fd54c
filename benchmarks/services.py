"""What the variants' own layers cost: CPU per request at equal rates, against the framework alone and code by hand.

Each block loads the arms in an order drawn anew: the variant, the variant once more (A/A, the noise floor), and its
baseline. The last line is JSON: `{"ping_vs_bare": {variant: ratio}, "product_cpu_vs_hand": {variant: ratio}}`.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace

from shop.tokens import mint

from benchmarks.blocks import interleaved, with_cpu
from benchmarks.paired import Ratio, ratio
from lab.core.deployment import Deployment
from lab.core.manifest import Manifest
from lab.core.scenario import Request, Scenario, Slo
from lab.load.generator import WorkerGenerator
from lab.ports import Load, LoadGenerator, Runtime
from lab.runtimes.local import local_lab
from lab.tree import SERVICES
from lab.variants import load_manifests

BLOCKS = 24
BLOCK_S = 1.0
WARM_UP_S = 1.5
TARGETS = {"ping": 1.06, "product": 1.10}
RATES_PER_S = {"ping": 400.0, "product": 200.0}
ANYTHING_HELD = Slo(p99_ms=1_000.0, error_share=0.0)
REQUESTS = {
    "ping": Request("ping", 1, {}, {}, {}, None),
    "product": Request("getProduct", 1, {"product_id": {"integer": [1, 10_000]}}, {}, {}, None),
}
SAME = "same again"
BASELINE = "baseline"


def measure(what: str, variant: Manifest, runtime: Runtime, generator: LoadGenerator) -> tuple[Ratio, Ratio]:
    """CPU per request of the variant over its baseline, and over itself."""
    database_url = runtime.database(variant, f"{variant.name}_{what}")
    arms = {
        variant.name: variant,
        SAME: variant,
        BASELINE: replace(variant, start=variant.baselines[what]),
    }
    urls = {
        arm: runtime.deploy(
            Deployment(f"{what}-{number}", manifest, "catalog", database_url=database_url, cache_url="")
        ).url
        for number, (arm, manifest) in enumerate(arms.items())
    }
    names = dict(zip(arms, (f"{what}-{number}" for number in range(len(arms))), strict=True))
    scenario = Scenario(what, what, RATES_PER_S[what], 5.0, (REQUESTS[what],), ANYTHING_HELD)
    token = mint(runtime.token_key(), "products:write", time.time())

    def cpu_per_request(arm: str, duration_s: float, seed: int) -> float:
        """Ends the benchmark on a wrong answer."""
        load = Load(scenario, {"catalog": urls[arm]}, arm, scenario.rate_per_s, duration_s, seed, token)
        measurement, cpu_s = with_cpu(runtime, names[arm], lambda: generator.run(load, lambda: None))
        if measurement.errors:
            raise SystemExit(f"{variant.name} {what} ({arm}): {dict(measurement.errors)}")
        return cpu_s / measurement.answered

    costs = interleaved(
        list(arms), cpu_per_request, blocks=BLOCKS, block_s=BLOCK_S, warm_up_s=WARM_UP_S, seed=variant.name
    )
    for name in names.values():
        runtime.remove(name)
    return ratio(costs[variant.name], costs[BASELINE]), ratio(costs[SAME], costs[variant.name])


def main() -> None:
    variants = [variant for variant in load_manifests([SERVICES]).values() if variant.baselines]
    found: dict[str, dict[str, float]] = {what: {} for what in TARGETS}
    with local_lab(lambda step: None) as runtime, WorkerGenerator(runtime.generator_cpus()) as generator:
        runtime.pin_this_process()
        print(f"CPU per request, {BLOCKS} interleaved blocks of {BLOCK_S:g} s; {runtime.facts().pinning}")
        for what, target in TARGETS.items():
            for variant in variants:
                over, noise = measure(what, variant, runtime, generator)
                found[what][variant.name] = round(over.median, 3)
                print(f"{what:<8} {variant.name:<10} {over}   target {target:.2f}   A/A {noise}", flush=True)
    print(json.dumps({"ping_vs_bare": found["ping"], "product_cpu_vs_hand": found["product"]}))


if __name__ == "__main__":
    main()
