"""The platform at work: Prometheus finds what it should, a span finds its way. Needs `collector.file.enabled`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from lab.runtimes.kubernetes.forwarding import HOST, forwarded
from lab.runtimes.kubernetes.kubectl import Kubectl
from tests.polling import until

SCRAPED_WITHIN_S = 30.0  # pods every 5 s, kubelets every 10 s; a rate needs two scrapes
COUNTED_WITHIN_S = 20.0  # the collector sends counts every 5 s
OF_THE_LAB = "--selector=app.kubernetes.io/part-of=framework-lab"

Answer = list[dict[str, Any]]
Query = Callable[[str], Answer]


@pytest.fixture(scope="module")
def prometheus(kubectl: Kubectl) -> Iterator[str]:
    with forwarded(kubectl, "prometheus", 9090) as port:
        yield f"http://{HOST}:{port}/api/v1"


@pytest.fixture(scope="module")
def query(prometheus: str) -> Query:
    def ask(expression: str) -> Answer:
        found: Answer = _get(f"{prometheus}/query", query=expression)["result"]
        return found

    return ask


@pytest.fixture(scope="module")
def told(kubectl: Kubectl, broken_collector: str) -> str:
    """The id of a trace of two roles, sent to the collector; each role has two replicas that send as many spans."""
    if broken_collector:
        pytest.skip(f"the collector's image does not start, whatever its configuration: {broken_collector}")
    trace = os.urandom(16)
    with forwarded(kubectl, "otel-collector", 4318) as port:
        for role in ("orders", "catalog"):
            for replica in range(2):
                _post(f"http://{HOST}:{port}/v1/traces", _message(trace, role, f"{role}-{replica}"))
    return trace.hex()


def test_every_pod_of_the_platform_is_ready(kubectl: Kubectl) -> None:
    def unready() -> list[str]:
        return [
            pod["metadata"]["name"]
            for pod in kubectl.items("get", "pods", OF_THE_LAB, "--field-selector=status.phase!=Succeeded")
            if not all(status["ready"] for status in pod["status"].get("containerStatuses", ()))
        ]

    until(lambda: not unready(), SCRAPED_WITHIN_S, "all pods ready")


def test_every_pod_with_metrics_is_a_target_and_no_target_is_down(kubectl: Kubectl, query: Query) -> None:
    expected = {
        pod["metadata"]["name"]
        for pod in kubectl.items("get", "pods", OF_THE_LAB, "--field-selector=status.phase=Running")
        for container in pod["spec"]["containers"]
        if any(port.get("name") == "metrics" for port in container.get("ports", ()))
    }
    until(
        lambda: {of["metric"]["pod"] for of in query('up{job="pods"} == 1')} == expected,
        SCRAPED_WITHIN_S,
        f"targets up for {sorted(expected)}",
    )
    until(lambda: not query("up == 0"), SCRAPED_WITHIN_S, "no target down")


def test_prometheus_and_the_collector_are_told_apart_by_component(query: Query, broken_collector: str) -> None:
    expected = {"prometheus"} if broken_collector else {"prometheus", "otel-collector"}
    until(
        lambda: {of["metric"].get("component") for of in query('up{job="pods", role=""}')} >= expected,
        SCRAPED_WITHIN_S,
        "both",
    )


def test_a_replica_carries_its_variant_and_role(kubectl: Kubectl, up: str, query: Query) -> None:
    expected = {
        (of["name"], of["labels"]["frameworklab.dev/variant"], of["labels"]["frameworklab.dev/role"], of["namespace"])
        for pod in kubectl.items(
            "get", "pods", "--selector=frameworklab.dev/role", "--field-selector=status.phase=Running"
        )
        for of in [pod["metadata"]]
    }
    assert expected, "no service runs"
    until(
        lambda: (
            {
                tuple(of["metric"][label] for label in ("pod", "variant", "role", "namespace"))
                for of in query('up{job="pods", role!=""}')
            }
            == expected
        ),
        SCRAPED_WITHIN_S,
        f"labels {sorted(expected)}",
    )


def test_kubelets_count_this_namespace_alone(kubectl: Kubectl, query: Query) -> None:
    def namespaces() -> set[str]:
        return {of["metric"]["namespace"] for of in query("rate(container_cpu_usage_seconds_total[1m])")}

    assert until(namespaces, SCRAPED_WITHIN_S * 2, "CPU of containers") == {kubectl.namespace}


def test_metrics_server_answers(kubectl: Kubectl) -> None:
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{kubectl.namespace}/pods"
    until(lambda: json.loads(kubectl.run("get", "--raw", path))["items"], SCRAPED_WITHIN_S, "usage of pods")


def test_spans_arrive_whole(kubectl: Kubectl, told: str) -> None:
    reader = ("exec", "deployment/otel-collector", "--container=reader", "--")
    files = ("find", "/spans", "-name", "*.jsonl", "-exec", "cat", "{}", "+")
    until(lambda: kubectl.run(*reader, *files).count(told) == 4, SCRAPED_WITHIN_S, f"four spans of trace {told}")


def test_spans_are_counted_over_replicas(query: Query, told: str) -> None:
    def counts() -> Mapping[str, float]:
        found = query('traces_span_metrics_calls_total{variant="told", span_name="GET /told"}')
        return {of["metric"]["role"]: float(of["value"][1]) for of in found}

    until(lambda: counts() == {"orders": 2, "catalog": 2}, COUNTED_WITHIN_S, "two spans of each role")


def test_a_count_leads_to_its_trace(prometheus: str, query: Query, told: str) -> None:
    def traces() -> set[str]:
        series = 'traces_span_metrics_duration_seconds_bucket{variant="told"}'
        now = time.time()
        found = _get(f"{prometheus}/query_exemplars", query=series, start=str(now - 600), end=str(now))
        return {exemplar["labels"]["trace_id"] for of in found for exemplar in of["exemplars"]}

    until(lambda: told in traces(), COUNTED_WITHIN_S, f"an exemplar of trace {told}")


def _get(url: str, **parameters: str) -> Any:
    return httpx.get(url, params=parameters).raise_for_status().json()["data"]


def _post(url: str, message: bytes) -> None:
    httpx.post(url, content=message, headers={"Content-Type": "application/x-protobuf"}).raise_for_status()


def _message(trace: bytes, role: str, replica: str) -> bytes:
    message = ExportTraceServiceRequest()
    of = message.resource_spans.add()
    for key, value in {"service.name": role, "lab.variant": "told", "service.instance.id": replica}.items():
        of.resource.attributes.add(key=key).value.string_value = value
    ended = time.time_ns()
    of.scope_spans.add().spans.add(
        trace_id=trace,
        span_id=os.urandom(8),
        name="GET /told",
        start_time_unix_nano=ended - 30_000_000,
        end_time_unix_nano=ended,
    )
    sent: bytes = message.SerializeToString()
    return sent
