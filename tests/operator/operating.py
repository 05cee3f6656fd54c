"""The operator against an emulated API and replicas that answer over HTTP, each in a thread and event loop of its own.

The API is kmock's; beside what it emulates, requests can be made to fail. It knows neither versions of objects nor JSON
patches, so that finalizers are there from the start, and whatever depends on either is tested on a cluster. What it
answers for a scale is the object, which therefore has what a scale has.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.request import Request, urlopen

import kmock
import kopf
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from scaler.cluster import Cluster
from scaler.handlers import operator_registry, operator_settings
from scaler.metrics import Metrics
from scaler.scraping import Scraper
from scaler.ticking import Ticker

from tests.polling import until

T = TypeVar("T")

INTERVAL_S = 0.2
SCALE = "^PATCH .*/deployments/catalog/scale"
SOON_S = 20.0  # of two busy cores; what is waited for takes a second or less
NAMESPACE = "shop"
AUTOSCALERS = "autoscaling.frameworklab.dev/v1alpha1/httpautoscalers"
DEPLOYMENTS = "apps/v1/deployments"
HORIZONTALS = "autoscaling/v2/horizontalpodautoscalers"
PODS = "v1/pods"
KINDS = {
    PODS: "Pod",
    "v1/events": "Event",
    "v1/namespaces": "Namespace",
    DEPLOYMENTS: "Deployment",
    "apps/v1/statefulsets": "StatefulSet",
    HORIZONTALS: "HorizontalPodAutoscaler",
    AUTOSCALERS: "HTTPAutoscaler",
    "kopf.dev/v1/clusterkopfpeerings": "ClusterKopfPeering",
    "kopf.dev/v1/kopfpeerings": "KopfPeering",
}

Fault = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class Rule:
    """The next `times` requests whose method and URL, with a space between them, match `pattern` end so."""

    pattern: str
    fault: Fault
    times: int


def answers(status: int, **headers: str) -> Fault:
    async def fault(_: web.BaseRequest) -> web.StreamResponse:
        body = {"kind": "Status", "code": status, "message": "made to fail"}
        return web.json_response(body, status=status, headers=headers)

    return fault


def streams(event: Mapping[str, Any]) -> Fault:
    async def fault(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(json.dumps(event).encode() + b"\n")
        return answer

    return fault


def lists(*names: str) -> Fault:
    """Pods, of which nothing but the names and uids matters."""

    async def fault(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"items": [{"metadata": {"name": name, "uid": f"uid-{name}"}} for name in names]})

    return fault


def scales(replicas: int, version: str) -> Fault:
    async def fault(_: web.BaseRequest) -> web.StreamResponse:
        metadata = {"name": "catalog", "namespace": NAMESPACE, "resourceVersion": version}
        body = {"metadata": metadata, "spec": {"replicas": replicas}, "status": {"selector": "app=catalog"}}
        return web.json_response(body)

    return fault


async def breaks_off(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text='{"kind": ', content_type="application/json")


async def hangs_up(request: web.BaseRequest) -> web.StreamResponse:
    assert request.transport
    request.transport.close()
    return web.Response()


async def too_slow(_: web.BaseRequest) -> web.StreamResponse:
    await asyncio.sleep(2.5)  # a request of a tick is given up after 2 s
    return web.Response()


class Api(kmock.KubernetesEmulator):
    """kmock's emulator, some of whose answers are faults."""

    def __init__(self) -> None:
        super().__init__()
        self.rules: list[Rule] = []

    async def __call__(self, raw_request: web.BaseRequest) -> web.StreamResponse:
        asked = f"{raw_request.method} {raw_request.path_qs}"
        for rule in self.rules:
            if rule.times > 0 and re.search(rule.pattern, asked):
                rule.times -= 1
                return await rule.fault(raw_request)
        return await super().__call__(raw_request)


@dataclass
class Load:
    """What each replica has to do: requests per second that it completes, of which each takes 10 ms of CPU.

    So one carries 100 a second, and 70 of them are what it is to carry.
    """

    rate_per_s: float = 0.0
    silent: bool = False
    status_code: int = 200
    began: float = field(default_factory=time.monotonic)

    def page(self) -> str:
        completed = self.rate_per_s * (time.monotonic() - self.began)
        return f"""
http_server_active_requests {self.rate_per_s * 0.01}
http_server_request_duration_seconds_bucket{{le="0.25"}} {completed}
http_server_request_duration_seconds_count{{http_response_status_code="{self.status_code}"}} {completed}
http_server_request_duration_seconds_sum{{http_response_status_code="{self.status_code}"}} {completed * 0.01}
process_cpu_seconds_total {completed * 0.01}
"""


class Loop:
    """An event loop in a thread of its own."""

    def __enter__(self) -> Loop:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(SOON_S)


class Shop:
    """A namespace with what the operator looks after, and what became of it."""

    def __init__(self, loop: Loop, api: Api, server: kmock.Server, load: Load, metrics_port: int) -> None:
        self._loop, self.api, self.load, self.url = loop, api, load, str(server.url).rstrip("/")
        self._metrics_port = metrics_port
        self.operators: list[Operator] = []
        for plural, kind in KINDS.items():
            self.serve(plural, kind)
        self.add_deployment()
        self.add_pod("catalog-1")

    def serve(self, plural: str, kind: str) -> None:
        self.api.resources[plural] = {
            "kind": kind,
            "singular": kind.lower(),
            "namespaced": not kind.startswith(("Namespace", "Cluster")),
            "verbs": ["get", "list", "watch", "create", "patch", "delete"],
            "subresources": ["status", "scale"],
            "shortnames": [],
            "categories": [],
        }

    def put(self, plural: str, body: dict[str, Any], *, namespace: str | None = NAMESPACE) -> None:
        """There from the start, or without an event of a watch."""
        group_version = plural.rpartition("/")[0]
        metadata = {"namespace": namespace, "resourceVersion": "7", **body["metadata"]}
        full = {"apiVersion": group_version, "kind": KINDS.get(plural, "Rollout"), **body, "metadata": metadata}
        self.api.objects[plural, namespace, metadata["name"]] = full

    def add_deployment(self, name: str = "catalog", replicas: int = 1, uid: str = "uid-deployment") -> None:
        spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "catalog"}}}
        metadata = {"name": name, "uid": uid}
        self.put(DEPLOYMENTS, {"metadata": metadata, "spec": spec, "status": {"selector": "app=catalog"}})

    def add_pod(self, name: str, port: int | None = None) -> None:
        ports = [{"name": "metrics", "containerPort": port or self._metrics_port}]
        ready = [{"type": "Ready", "status": "True"}]
        self.put(
            PODS,
            {
                "metadata": {"name": name, "uid": f"uid-{name}", "labels": {"app": "catalog"}},
                "spec": {"containers": [{"name": "service", "ports": ports}]},
                "status": {"phase": "Running", "podIP": "127.0.0.1", "conditions": ready},
            },
        )

    def add_autoscaler(self, name: str = "catalog", since: str = "2026-11-30T02:00:00Z", **spec: Any) -> None:
        metadata = {"name": name, "uid": f"uid-{name}", "creationTimestamp": since, "generation": 1}
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "catalog"}
        self.put(
            AUTOSCALERS,
            {
                "metadata": {**metadata, "finalizers": ["autoscaling.frameworklab.dev/operator"]},
                "spec": {"scaleTargetRef": target, "maxReplicas": 8, **spec},
            },
        )

    def add_hpa(self) -> None:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "catalog"}
        metadata = {"name": "catalog", "uid": "uid-hpa"}
        self.put(HORIZONTALS, {"metadata": metadata, "spec": {"scaleTargetRef": target}})

    def send(
        self, method: str, plural: str, name: str = "", body: Any = None, namespace: str | None = NAMESPACE
    ) -> Any:
        """What somebody else does, which watches see."""
        group_version, _, resource = plural.rpartition("/")
        base = f"/apis/{group_version}" if "/" in group_version else f"/api/{group_version}"
        place = f"{base}/namespaces/{namespace}/{resource}" if namespace else f"{base}/{resource}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/merge-patch+json"}
        with urlopen(Request(f"{self.url}{place}/{name}".rstrip("/"), data, headers, method=method)) as answer:  # noqa: S310
            return json.load(answer)

    def fail(self, pattern: str, fault: Fault, times: int = 1) -> None:
        self.api.rules.append(Rule(pattern, fault, times))

    def unused(self) -> list[str]:
        """What was to fail, and how often, but has not been asked for yet."""
        return [f"{rule.times} × {rule.pattern}" for rule in self.api.rules if rule.times]

    def status(self, name: str = "catalog") -> dict[str, Any]:
        found: dict[str, Any] = self.api.objects[AUTOSCALERS, NAMESPACE, name].raw.get("status", {})
        return found

    def condition(self, kind: str, name: str = "catalog") -> tuple[str, str]:
        conditions = {one["type"]: one for one in self.status(name).get("conditions", ())}
        return (conditions[kind]["status"], conditions[kind]["reason"]) if kind in conditions else ("", "")

    @property
    def replicas(self) -> int:
        found: int = self.api.objects[DEPLOYMENTS, NAMESPACE, "catalog"].raw["spec"]["replicas"]
        return found

    def requests(self, pattern: str) -> list[kmock.Request]:
        return [one for one in list(self.api) if re.search(pattern, f"{one.method.value} {one.url.path_qs}")]

    def events(self) -> list[tuple[str, str, str]]:
        """Type, reason and message of each."""
        found = [one.data for one in self.requests("^POST .*/events")]
        return [(one["type"], one["reason"], one["message"]) for one in found]

    def reasons(self, name: str = "catalog") -> list[str]:
        return [one["reason"] for one in self.status(name).get("timeline", ())]

    @contextmanager
    def operated(
        self, *, namespaces: Sequence[str] = (), peering: bool = False, priority: int = 0
    ) -> Iterator[Operator]:
        """Until the end of the block the operator is at work."""
        operator = Operator(self.url, namespaces, peering=peering, priority=priority)
        try:
            yield operator
        finally:
            operator.stop()


class Operator:
    def __init__(self, url: str, namespaces: Sequence[str], *, peering: bool, priority: int) -> None:
        self._registry = CollectorRegistry()
        self.metrics = Metrics(self._registry, time.monotonic)
        self._stop = threading.Event()
        work = self._run(url, namespaces, peering, priority)
        self._thread = threading.Thread(target=asyncio.run, args=(work,), daemon=True)
        self._thread.start()

    async def _run(self, url: str, namespaces: Sequence[str], peering: bool, priority: int) -> None:
        def connect() -> kopf.ConnectionInfo:
            return kopf.ConnectionInfo(server=url)

        cluster = Cluster(connect, self.metrics.requested)
        scraper = Scraper(time.monotonic, time.time)
        ticker = Ticker(cluster, scraper, self.metrics, time.monotonic, partial(datetime.now, UTC))
        settings = operator_settings()
        settings.peering.name = "framework-lab"
        settings.peering.mandatory = peering
        await kopf.operator(
            registry=operator_registry(connect, cluster, ticker, namespaces, peering=peering, interval_s=INTERVAL_S),
            settings=settings,
            clusterwide=not namespaces,
            namespaces=namespaces,
            standalone=not peering,
            priority=priority,
            stop_flag=self._stop,
        )
        await cluster.close()
        await scraper.close()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(SOON_S)
        assert not self._thread.is_alive(), f"the operator doesn't end within {SOON_S:g} s"

    def decisions(self, reason: str, name: str = "catalog") -> int:
        """How many there were."""
        labels = {"namespace": NAMESPACE, "name": name, "reason": reason}
        return int(self._registry.get_sample_value("lab_autoscaler_decisions_total", labels) or 0)

    def ticks(self) -> int:
        """How many there were."""
        text = generate_latest(self._registry).decode()
        counts = re.findall(r"^lab_autoscaler_tick_duration_seconds_count (\S+)$", text, re.MULTILINE)
        return int(float(counts[0]))

    def works(self, ticks: int = 3) -> None:
        """Waits for so many ticks more."""
        enough = self.ticks() + ticks
        until(lambda: self.ticks() >= enough, SOON_S, f"{ticks} ticks more")


@contextmanager
def shop() -> Iterator[Shop]:
    load = Load()

    async def page(_: web.Request) -> web.Response:
        if load.silent:
            raise web.HTTPServiceUnavailable
        return web.Response(text=load.page())

    with ExitStack() as stack:
        loop = stack.enter_context(Loop())
        app = web.Application()
        app.router.add_get("/metrics", page)
        runner = web.AppRunner(app, shutdown_timeout=0)
        loop.run(runner.setup())
        stack.callback(lambda: loop.run(runner.cleanup()))
        loop.run(web.TCPSite(runner, "127.0.0.1", 0).start())
        api = Api()
        server = kmock.Server(api, hostnames=None)
        loop.run(api.__aenter__())
        stack.callback(lambda: loop.run(api.__aexit__(None, None, None)))
        loop.run(server.__aenter__())
        stack.callback(lambda: loop.run(server.__aexit__(None, None, None)))
        found = Shop(loop, api, server, load, runner.addresses[0][1])
        yield found
        assert found.unused() == []


def decided(shop: Shop, reason: str, name: str = "catalog") -> None:
    until(lambda: shop.status(name).get("reason") == reason, SOON_S, f"{name} says {reason}: {shop.status(name)}")


def scaled(shop: Shop, replicas: int) -> None:
    until(lambda: shop.replicas == replicas, SOON_S, f"{replicas} replicas; {shop.replicas} with {shop.status()}")
