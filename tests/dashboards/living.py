"""A lab under load that a real Prometheus scrapes, with the labels that the platform's chart gives."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shop.tokens import WRITE_SCOPES, mint

from dashboards.prometheus import Prometheus, Series
from dashboards.rules.files import FOLDER
from dashboards.series import UP
from lab.contract.telemetry_receiver import Receiver
from lab.core.deployment import Deployment
from lab.core.manifest import Manifest
from lab.core.telemetry import Telemetry
from lab.errors import RuntimeFailure
from lab.ports import Load
from lab.runtimes.local import LocalRuntime
from lab.scenarios import load_scenario
from lab.workers.lines import Lines
from lab.workers.loads import Generator
from tests.polling import until
from tests.ports import HOST, free_port
from tests.telemetry.stacks import remove_those_left

NAMESPACE, RUN, TRIAL = "lab", "a-run", "a-trial"
RULES = FOLDER / "lab.yaml"
SCRAPE_S = 1
RATE_PER_S = 20.0
LOAD_S = 20.0  # longer than the step of 15 s of a subquery, and what a rate needs before
ENDING_S = 1.5  # expressions are asked of a time so long before the last tick: the load went on, and was scraped
Target = Mapping[str, Any]
TRACED = Telemetry.parse("official-5")


@dataclass(frozen=True)
class Living:
    """`at_s` is a Unix time at which the load had run for long enough, and went on."""

    prometheus: Prometheus
    at_s: float

    def ask(self, expression: str) -> Sequence[Series]:
        return self.prometheus.at(expression, self.at_s)


@contextmanager
def living(runtime: LocalRuntime, asked: Manifest, idle: Sequence[Manifest], folder: Path) -> Iterator[Living]:
    """A catalog and orders of the variant that is `asked`, and a replica of each that is `idle`. The load is over."""
    with ExitStack() as ending:
        receiver = ending.enter_context(Receiver(HOST))
        targets: list[Target] = []
        names: list[str] = []
        ending.callback(remove_those_left, runtime, names)

        def deploy(variant: Manifest, role: str, **urls: str) -> str:
            name = f"living-{variant.name}-{role}"
            names.append(name)
            service = runtime.deploy(
                Deployment(name, variant, role, telemetry=TRACED, otlp_url=receiver.url, **urls)  # type: ignore[arg-type]
            )
            address = urlsplit(service.replicas[0].metrics_url).netloc
            targets.append(_target(address, pod=name, variant=variant.name, role=role, telemetry=TRACED.name))
            return service.url

        with ThreadPoolExecutor() as pool:
            idling = pool.map(lambda variant: deploy(variant, "ping"), idle)
            data = {"database_url": runtime.database(asked, "living"), "cache_url": runtime.cache_url()}
            catalog_url = deploy(asked, "catalog", **data)
            orders_url = deploy(asked, "orders", catalog_url=catalog_url, **data)
            list(idling)
        worker_port, own_port = free_port(), free_port()
        targets.append(_target(f"{HOST}:{worker_port}", pod="load", component="load"))
        targets.append(_target(f"{HOST}:{own_port}", pod="prometheus", component="prometheus"))
        worker = Lines([sys.executable, "-m", "lab.load.worker", "--metrics-port", str(worker_port)])
        ending.callback(worker.kill)
        worker.greet()
        prometheus = ending.enter_context(_prometheus(targets, own_port, folder))
        load = Load(
            load_scenario("mixed"),
            {"catalog": catalog_url, "orders": orders_url},
            state="living",
            rate_per_s=RATE_PER_S,
            duration_s=LOAD_S,
            seed=1,
            token=mint(runtime.token_key(), WRITE_SCOPES, time.time(), 600),
            run=RUN,
            trial=TRIAL,
            variant=asked.name,
        )
        ticks: list[float] = []
        Generator([worker]).run(load, lambda: ticks.append(time.time()))
        yield Living(prometheus, ticks[-1] - ENDING_S)


def _target(address: str, **labels: str) -> Target:
    return {"targets": [address], "labels": {"namespace": NAMESPACE, **labels}}


@contextmanager
def _prometheus(targets: Sequence[Target], port: int, folder: Path) -> Iterator[Prometheus]:
    """Has scraped each target once in the block."""
    every = f"{SCRAPE_S}s"
    configuration = {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "pods", "static_configs": targets}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(configuration))
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={HOST}:{port}",
        f"--scrape.discovery-reload-interval={every}",  # 5 s before the first scrape otherwise
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, stdout=log)
    prometheus = Prometheus(f"http://{HOST}:{port}")

    def up() -> bool:
        with contextlib.suppress(RuntimeFailure):
            return len(prometheus.at(f"{UP} == 1", time.time())) == len(targets)
        return False

    try:
        until(up, 30, "Prometheus has read every target")
        yield prometheus
    finally:
        process.kill()
        process.wait()
