"""Every variant in every role, and a stack of all three, behind the Services of a real cluster."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from shop.tokens import WRITE_SCOPES, mint

from lab.core.deployment import Deployment, Service
from lab.core.manifest import Manifest
from lab.core.roles import UPSTREAMS, WITH_DATABASE
from lab.core.stacks import parse_stacks
from lab.core.telemetry import Telemetry
from lab.engine.start import Names, start
from lab.ports import ContractReport
from lab.runtimes.kubernetes import opening
from lab.runtimes.kubernetes.checking import JobChecker
from lab.runtimes.kubernetes.forwarding import HOST, forwarded
from lab.runtimes.kubernetes.runtime import KubernetesRuntime
from lab.runtimes.kubernetes.values import OTLP_URL, PORT
from lab.tree import SERVICES
from lab.variants import load_manifests
from tests.cluster.labs import Lab
from tests.polling import until

VARIANTS = load_manifests([SERVICES])
ROLES = ("catalog", "orders", "recommend")
HYBRID = "catalog=django,orders=fastapi,recommend=flask"
ARRIVED_WITHIN_S = 30.0  # batches of replicas and of the collector, 5 s each at most
SEED = 7


@dataclass(frozen=True)
class Open:
    runtime: KubernetesRuntime
    checker: JobChecker


@pytest.fixture(scope="module")
def opened(lab: Lab) -> Iterator[Open]:
    place, without = lab.place, frozenset(lab.without.split(","))
    platform = opening.Platform(without, lab.platform_values)
    with (
        opening.cluster_lab(place, lab.directory, list(VARIANTS.values()), platform, lambda step: None) as found,
        found.checker(SEED) as checker,
    ):
        yield Open(found.runtime, checker)


@pytest.fixture(scope="module")
def reports(opened: Open) -> Mapping[tuple[str, str], ContractReport]:
    """By variant and role; variants at the same time, which is as many replicas as fit."""

    def check_all(variant: Manifest) -> dict[tuple[str, str], ContractReport]:
        database = opened.runtime.database(variant, f"contract_{variant.name}")
        return {(variant.name, role): _checked(opened, variant, role, database) for role in ROLES}

    with ThreadPoolExecutor(len(VARIANTS)) as pool:
        return {key: report for found in pool.map(check_all, VARIANTS.values()) for key, report in found.items()}


@pytest.fixture(scope="module")
def hybrid(opened: Open) -> Iterator[Mapping[str, Service]]:
    (stack,) = parse_stacks("", [HYBRID], VARIANTS)
    names = Names(
        service=lambda role: f"hybrid-{stack.players[role].name}-{role}",
        database=lambda variant: f"hybrid_{variant.name}",
    )
    services = start(
        stack, stack.players, names, opened.runtime, telemetry=Telemetry.parse("official"), otlp_url=OTLP_URL
    )
    yield services
    for service in services.values():
        opened.runtime.remove(service.name)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_keeps_the_contract(
    reports: Mapping[tuple[str, str], ContractReport], variant: str, role: str
) -> None:
    report = reports[variant, role]
    assert report.violations == ()
    assert report.not_run == ()


def test_a_hybrid_keeps_the_contract_end_to_end(opened: Open, hybrid: Mapping[str, Service]) -> None:
    """With its own catalog, instead of one that the checker serves."""
    orders = hybrid["orders"]
    report = opened.checker.check(
        orders.url, "orders", (), opened.runtime.token_key(), "", orders.replicas[0].metrics_url
    )
    assert report.violations == ()
    assert report.passed > 0


def test_the_trace_of_an_order_arrives_whole_at_the_collector(
    lab: Lab, broken_collector: str, opened: Open, hybrid: Mapping[str, Service]
) -> None:
    if broken_collector:
        pytest.skip(f"the collector's image does not start, whatever its configuration: {broken_collector}")
    trace, root = secrets.token_hex(16), secrets.token_hex(8)
    kubectl = lab.place.kubectl
    token = mint(opened.runtime.token_key(), WRITE_SCOPES, time.time())
    with forwarded(kubectl, hybrid["orders"].name, PORT) as port:
        answer = httpx.post(
            f"http://{HOST}:{port}/orders",
            json={"lines": [{"product_id": 1, "quantity": 1}]},
            headers={
                "Authorization": f"Bearer {token}",
                "Idempotency-Key": trace,
                "traceparent": f"00-{trace}-{root}-01",
            },
        )
    assert answer.status_code == 201, answer.text

    def spans() -> list[dict[str, Any]]:
        read = ("exec", "deployment/otel-collector", "--container=reader", "--")
        text = kubectl.run(*read, "find", "/spans", "-name", "*.jsonl", "-exec", "cat", "{}", "+")
        return [span for line in text.splitlines() for span in _spans(json.loads(line)) if span["traceId"] == trace]

    def whole() -> bool:
        """Both roles are in it, and every span but the first has its parent."""
        found = spans()
        ids = {root, *(span["spanId"] for span in found)}
        names = {span["name"] for span in found}
        return {"POST /orders", "GET /products/{product_id}"} <= names and all(
            span["parentSpanId"] in ids for span in found
        )

    until(whole, ARRIVED_WITHIN_S, "a whole trace of an order")
    statements = [span for span in spans() if span["name"].startswith("INSERT")]
    assert statements


def _checked(opened: Open, variant: Manifest, role: str, database_url: str) -> ContractReport:
    fake_catalog_url = opened.checker.fake_catalog_url() if role in UPSTREAMS else ""
    service = opened.runtime.deploy(
        Deployment(
            name=f"contract-{variant.name}-{role}",
            variant=variant,
            role=role,
            database_url=database_url if role in WITH_DATABASE else "",
            cache_url=opened.runtime.cache_url() if role in WITH_DATABASE else "",
            catalog_url=fake_catalog_url,
            telemetry=Telemetry.parse("metrics"),
        )
    )
    try:
        key, metrics_url = opened.runtime.token_key(), service.replicas[0].metrics_url
        return opened.checker.check(service.url, role, (), key, fake_catalog_url, metrics_url)
    finally:
        opened.runtime.remove(service.name)


def _spans(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in message.get("resourceSpans", ()):
        for scope in resource.get("scopeSpans", ()):
            yield from scope["spans"]
