"""What telemetry leaves of a variant's throughput: each level relative to `off`, on the smallest answer and on reading.

One replica on a core of its own, which 16 connections keep busy. Its throughput then is the core's time over the CPU
time of a request, so the ratio of throughputs is the inverse ratio of CPU per request: that is the figure, because CPU
time, unlike time, does not count what other programs and machines take from the core. The ratio of the throughputs
seen is printed beside it, and the share of its core that `off` kept busy: the less of it, the less the throughput seen
says of the service. The load generator is no limit: it takes a third of its core where the fastest variant answers.

Each block loads the arms in an order drawn anew: `off`, `off` once more (A/A, the noise floor), and the levels. Spans
go to the lab's receiver, in a process of its own; nothing scrapes the metrics meanwhile. The last line is JSON:
`{"ping": {variant: {"metrics": ratio, "official-5": ratio, "official-100": ratio}}, "browse": {...}}`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.blocks import interleaved, with_cpu
from benchmarks.paired import Ratio, ratio
from benchmarks.saturation import Answered, Saturation
from lab.core.deployment import Deployment
from lab.core.manifest import Manifest
from lab.core.scenario import Scenario
from lab.core.telemetry import Telemetry
from lab.ports import Load
from lab.runtimes.local import LocalRuntime, local_lab
from lab.scenarios import load_scenario
from lab.tree import SERVICES
from lab.variants import load_manifests

BLOCKS = 12
BLOCK_S = 1.0
WARM_UP_S = 1.5
REQUESTS = 2_000  # that are sent over and over
ROLE = "catalog"
OFF = "off"
SAME = "off again"
LEVELS = ("metrics", "official-5", "official-100")
ARMS = {OFF: "off", SAME: "off", **{level: level for level in LEVELS}}
SCENARIOS = ("ping", "browse")
TARGETS = {
    ("ping", "metrics"): "0.90",
    ("ping", "official-5"): "0.57 to 0.62",
    ("browse", "official-5"): "0.80",
}


@dataclass(frozen=True, slots=True)
class Block:
    """What one arm did in one block."""

    per_s: float
    cpu_s_per_request: float
    busy: float


@dataclass(frozen=True, slots=True)
class Found:
    """One arm relative to `off`."""

    by_cpu: Ratio
    seen: Ratio


def deployed(variant: Manifest, runtime: LocalRuntime, otlp_url: str) -> dict[str, str]:
    """The service of each arm, by its name; all of them read one database, and one part of the cache."""
    database_url = runtime.database(variant, f"telemetry_{variant.name}")
    urls = {}
    for arm, level in ARMS.items():
        service = runtime.deploy(
            Deployment(
                name=name_of(variant, arm),
                variant=variant,
                role=ROLE,
                database_url=database_url,
                cache_url=runtime.cache_url(),
                telemetry=Telemetry.parse(level),
                otlp_url=otlp_url,
            )
        )
        urls[arm] = service.url
    return urls


def name_of(variant: Manifest, arm: str) -> str:
    return f"{variant.name}-{arm.replace(' ', '-')}"


def measure(
    variant: Manifest, urls: Mapping[str, str], scenario: Scenario, runtime: LocalRuntime
) -> Mapping[str, Sequence[Block]]:
    loads = {arm: Saturation(Load(scenario, {ROLE: url}, arm, REQUESTS, 1.0, 1, "")) for arm, url in urls.items()}

    def block(arm: str, duration_s: float, _: int) -> Block:
        """Ends the benchmark on a wrong answer."""
        load: Callable[[], Answered] = partial(loads[arm].run, duration_s)
        answered, cpu_s = with_cpu(runtime, name_of(variant, arm), load)
        if answered.errors:
            raise SystemExit(f"{variant.name} {scenario.name} ({arm}): {dict(answered.errors)}")
        return Block(answered.per_s, cpu_s / answered.count, cpu_s / answered.seconds)

    return interleaved(
        list(urls), block, blocks=BLOCKS, block_s=BLOCK_S, warm_up_s=WARM_UP_S, seed=f"{variant.name} {scenario.name}"
    )


def relative(blocks: Sequence[Block], off: Sequence[Block]) -> Found:
    return Found(
        by_cpu=ratio([block.cpu_s_per_request for block in off], [block.cpu_s_per_request for block in blocks]),
        seen=ratio([block.per_s for block in blocks], [block.per_s for block in off]),
    )


def report(variant: Manifest, scenario: Scenario, blocks: Mapping[str, Sequence[Block]]) -> dict[str, float]:
    """Prints all, and gives the figure of each level."""
    off = blocks[OFF]
    cost_ms = median(block.cpu_s_per_request for block in off) * 1000
    per_s, busy = median(block.per_s for block in off), median(block.busy for block in off)
    print(f"{scenario.name} {variant.name}: off {per_s:.0f}/s, {cost_ms:.3f} ms CPU each, busy {busy:.0%} of its core")
    figures = {}
    for arm in (SAME, *LEVELS):
        found = relative(blocks[arm], off)
        target = TARGETS.get((scenario.name, arm))
        print(f"  {arm:<13} {found.by_cpu}   seen {found.seen}{f'   target {target}' if target else ''}", flush=True)
        figures[arm] = round(found.by_cpu.median, 3)
    return {level: figures[level] for level in LEVELS}


def main() -> None:
    variants = [variant for variant in load_manifests([SERVICES]).values() if ROLE in variant.roles]
    scenarios = [load_scenario(name) for name in SCENARIOS]
    figures: dict[str, dict[str, dict[str, float]]] = {scenario.name: {} for scenario in scenarios}
    with tempfile.TemporaryDirectory() as folder, local_lab(lambda step: None) as runtime:
        runtime.pin_this_process()
        otlp_url = runtime.receive(Path(folder) / "spans.db")
        print(f"Throughput relative to off, {BLOCKS} interleaved blocks of {BLOCK_S:g} s; {runtime.facts().pinning}")
        for variant in variants:
            urls = deployed(variant, runtime, otlp_url)
            for scenario in scenarios:
                figures[scenario.name][variant.name] = report(
                    variant, scenario, measure(variant, urls, scenario, runtime)
                )
            for arm in urls:
                runtime.remove(name_of(variant, arm))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
