"""Telemetry cannot hurt: what collectors that are of no use do to requests, memory and the end of a replica."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from lab.contract.client import Client
from lab.contract.telemetry_metrics import has, read
from lab.core.conventions import QUEUE_FULL, SPANS_PROCESSED, SPANS_WAITING, SPANS_WAITING_MAX, Label
from lab.core.deployment import Deployment, Service
from lab.core.exposition import Values
from lab.core.manifest import PING_ROLE, Manifest
from lab.runtimes.local import LocalRuntime
from tests.telemetry import collectors
from tests.telemetry.stacks import OFFICIAL
from tests.telemetry.traffic import Answered, send, traced
from tests.variants.conftest import VARIANTS

COLLECTORS = {"absent": collectors.absent, "refusing": collectors.refusing, "silent": collectors.silent}
SLOWEST = "silent"  # to end with: these replicas end first, so that no other keeps a CPU from them
REQUESTS = 200
WAITING_MAX = 32  # finished spans; far less than there are requests
SMALL = ("OTEL_BSP_MAX_QUEUE_SIZE=32", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=16", "OTEL_BSP_SCHEDULE_DELAY=100")
# The exporter waits up to 10 s for a collector, and longer than a second before it tries again: whoever is not kept
# waiting by that is slower than this for other reasons only, on a machine that does other things beside.
NOT_KEPT_WAITING_S = 0.9
DRAIN_S = 0.5  # in which the replica waits for requests on connections that are open
ENDS_WITHIN_S = DRAIN_S + 2.0 + 0.5  # the contract's 2 s after the last request; and half a second for processes to end
TOGETHER_WITHIN_S = 6.0  # where many processes end at once; an exporter that nobody stops waits for 10 s

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Seen:
    """What became of one replica whose collector is of no use."""

    answers: list[Answered]
    metrics: Values
    ended_s: float

    def metric(self, name: str, **labels: str) -> float:
        wanted = {Label[key]: value for key, value in labels.items()}
        return sum(value for series, value in self.metrics.items() if has(series, name, wanted))


def with_environment(variant: Manifest, *settings: str) -> Manifest:
    return replace(variant, start=("env", *settings, *variant.start))


@pytest.fixture(scope="module")
def seen(runtime: LocalRuntime) -> Iterator[Mapping[tuple[str, str], Seen]]:
    """Every variant with every collector: started at once, asked one after the other, ended at once."""
    with ExitStack() as ending, ThreadPoolExecutor(len(VARIANTS) * len(COLLECTORS)) as pool:
        urls = {name: ending.enter_context(collector()) for name, collector in COLLECTORS.items()}
        keys = [(variant, collector) for variant in VARIANTS for collector in COLLECTORS]

        def deploy(key: tuple[str, str]) -> Service:
            variant = with_environment(VARIANTS[key[0]], *SMALL)
            name = f"useless-{key[0]}-{key[1]}"
            return runtime.deploy(Deployment(name, variant, PING_ROLE, telemetry=OFFICIAL, otlp_url=urls[key[1]]))

        def end(service: Service) -> float:
            begin = time.monotonic()
            runtime.remove(service.name)
            return time.monotonic() - begin

        services = dict(zip(keys, pool.map(deploy, keys), strict=True))
        answers = {}
        metrics = {}
        for key, service in services.items():
            answers[key] = send(service.url, (traced() for _ in range(REQUESTS)), connections=4)
            client = Client(service.replicas[0].metrics_url)
            metrics[key] = read(client).values
            client.close()
        ended: dict[tuple[str, str], float] = {}
        for together in ([key for key in keys if key[1] == SLOWEST], [key for key in keys if key[1] != SLOWEST]):
            ended |= zip(together, pool.map(end, [services[key] for key in together]), strict=True)
        yield {key: Seen(answers[key], metrics[key], ended[key]) for key in keys}


@pytest.fixture(params=VARIANTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


useless = pytest.mark.parametrize("collector", COLLECTORS)


@useless
def test_requests_are_answered_as_before(seen: Mapping[tuple[str, str], Seen], name: str, collector: str) -> None:
    answers = seen[name, collector].answers
    assert [answer.status for answer in answers] == [200] * REQUESTS
    assert max(answer.elapsed_s for answer in answers) < NOT_KEPT_WAITING_S


@useless
def test_what_waits_is_bounded_and_drops_are_counted(
    seen: Mapping[tuple[str, str], Seen], name: str, collector: str
) -> None:
    found = seen[name, collector]
    assert found.metric(SPANS_WAITING_MAX.name) == WAITING_MAX
    assert 0 < found.metric(SPANS_WAITING.name) <= WAITING_MAX
    dropped = found.metric(SPANS_PROCESSED.name, ERROR=QUEUE_FULL)
    assert dropped > 0
    assert dropped + found.metric(SPANS_PROCESSED.name, ERROR="") <= REQUESTS


@useless
def test_it_ends_in_time(seen: Mapping[tuple[str, str], Seen], name: str, collector: str) -> None:
    assert seen[name, collector].ended_s < (ENDS_WITHIN_S if collector == SLOWEST else TOGETHER_WITHIN_S)
