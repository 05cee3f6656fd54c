"""A simulated cluster, and the real operator at work in it, in a process of its own; its log is thrown away.

Each pod has an address of its own in 127.0.0.0/8, at one server that answers a page of the size that the lab's services
have. Their load is steady, except that one of CHANGING_ONE_IN services goes up and down between two loads every minute,
and one pod can't answer all of it at the larger one: those decide on more replicas than there are pods.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
from aiohttp import web

from benchmarks.api import AUTOSCALERS, DEPLOYMENTS, PODS, Api
from tests.polling import until

CHANGING_ONE_IN = 20
CAPACITY_PER_S = 100.0  # of a pod, by the CPU time of its requests
ADDRESSES = 250 * 250


@dataclass
class Pod:
    """`completed` requests until `asked_at`."""

    name: str
    changing: bool
    completed: float = 0.0
    asked_at: float = field(default_factory=time.monotonic)

    def page(self, now: float) -> str:
        heavy = self.changing and int(now / 60) % 2
        rate_per_s = 2 * CAPACITY_PER_S if heavy else 0.3 * CAPACITY_PER_S
        self.completed += rate_per_s * (now - self.asked_at)
        self.asked_at = now
        return _text(self.completed, rate_per_s)


class Shop:
    """Services of one pod each, every one with its HTTPAutoscaler. No name, no address is given to a second one."""

    def __init__(self, api: Api, pod_port: int) -> None:
        self.api = api
        self._pod_port = pod_port
        self._service_numbers, self._pod_numbers = count(), count()
        self._changing: dict[str, bool] = {}
        self._pods: dict[str, Pod] = {}  # by their address

    @property
    def services(self) -> list[str]:
        return list(self._changing)

    def add(self) -> None:
        number = next(self._service_numbers)
        name = f"service-{number}"
        self._changing[name] = number % CHANGING_ONE_IN == 0
        self.api.add(DEPLOYMENTS, name, spec={"replicas": 1, "selector": {"matchLabels": _chosen(name)}})
        self._add_pod(name)
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        self.api.add(
            AUTOSCALERS,
            name,
            metadata={"generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"},
            spec={"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 4},
        )

    def remove(self, service: str) -> None:
        del self._changing[service]
        self.api.delete(AUTOSCALERS, service)
        self.api.delete(DEPLOYMENTS, service)
        self._remove_pod(service)

    def replace_pod(self, service: str) -> None:
        self._remove_pod(service)
        self._add_pod(service)

    async def page(self, request: web.Request) -> web.Response:
        """Of the pod whose address was asked."""
        assert request.transport
        pod = self._pods.get(request.transport.get_extra_info("sockname")[0])
        return web.Response(text=pod.page(time.monotonic())) if pod else web.Response(status=503)

    def _add_pod(self, service: str) -> None:
        number = next(self._pod_numbers) % ADDRESSES
        address = f"127.1.{number // 250}.{number % 250 + 1}"
        pod = self._pods[address] = Pod(f"{service}-{number}", self._changing[service])
        labels = {
            **_chosen(service),
            "app.kubernetes.io/part-of": "framework-lab",
            "app.kubernetes.io/name": "mine",
            "pod-template-hash": service,
        }
        container = {
            "name": "service",
            "ports": [{"name": "metrics", "containerPort": self._pod_port}],
            "resources": {"limits": {"cpu": "1"}},
        }
        conditions = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]
        self.api.add(
            PODS,
            pod.name,
            metadata={"labels": labels},
            spec={"containers": [container]},
            status={"phase": "Running", "podIP": address, "conditions": conditions},
        )

    def _remove_pod(self, service: str) -> None:
        for address, pod in list(self._pods.items()):
            if pod.name.startswith(f"{service}-"):
                del self._pods[address]
                self.api.delete(PODS, pod.name)


def _chosen(service: str) -> dict[str, str]:
    return {"app.kubernetes.io/instance": service, "app.kubernetes.io/component": "catalog"}


def _text(completed: float, rate_per_s: float) -> str:
    """With the methods, routes and buckets of a service of the lab."""
    bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, "+Inf"]
    lines = [f"http_server_active_requests {rate_per_s * 0.02:.0f}"]
    for route in ("/products", "/products/{id}", "/search", "/ping"):
        labels = f'http_request_method="GET",http_route="{route}",http_response_status_code="200"'
        name, part = "http_server_request_duration_seconds", completed / 4
        lines += [f'{name}_bucket{{{labels},le="{bound}"}} {part:.1f}' for bound in bounds]
        lines += [f"{name}_count{{{labels}}} {part:.1f}", f"{name}_sum{{{labels}}} {part * 0.02:.1f}"]
    lines += [f"process_cpu_seconds_total {completed / CAPACITY_PER_S:.2f}", "http_server_workers 4"]
    return "\n".join(lines)


Happening = Callable[[Shop], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Cluster:
    port: int

    def watches(self) -> int:
        """That are open, as the API sees it."""
        with urlopen(f"http://127.0.0.1:{self.port}/watches") as answer:
            return sum(json.load(answer).values())


@contextmanager
def cluster(services: int, happening: Happening | None = None) -> Iterator[Cluster]:
    """With so many services; `happening`, a function of a module, goes on in it."""
    api_port, pod_port = free_port(), free_port()
    world = multiprocessing.Process(target=_simulated, args=(api_port, pod_port, services, happening))
    world.start()
    try:
        until(lambda: opens(api_port) and opens(pod_port), 30, "the simulated API and pods")
        yield Cluster(api_port)
    finally:
        world.terminate()
        world.join()


def _simulated(api_port: int, pod_port: int, services: int, happening: Happening | None) -> None:
    """Until the process is ended, by the one that began it alone."""

    async def world() -> None:
        shop = Shop(Api(), pod_port)
        for _ in range(services):
            shop.add()
        pods = web.Application()
        pods.router.add_get("/metrics", shop.page)
        for app, host, port in ((shop.api.app(), "127.0.0.1", api_port), (pods, "0.0.0.0", pod_port)):  # noqa: S104
            runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
            await runner.setup()
            await web.TCPSite(runner, host, port, backlog=1024).start()
        if happening:
            await happening(shop)
        await asyncio.Event().wait()

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(world())


@dataclass(frozen=True, slots=True)
class Operator:
    process: psutil.Popen
    port: int

    def figures(self) -> dict[str, float]:
        """Its own series; those of one resource are summed up."""
        with urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            text = answer.read().decode()
        found: dict[str, float] = {}
        series = re.findall(r'^(lab_\w+)(?:\{(?:[^}]*le="([^"]+)")?[^}]*\})? (\S+)$', text, re.MULTILINE)
        for name, bound, value in series:
            key = f"{name} {bound}" if bound else name
            found[key] = found.get(key, 0.0) + float(value)
        return found

    def cpu_s(self) -> float:
        times = self.process.cpu_times()
        return times.user + times.system


@contextmanager
def operator(api_port: int) -> Iterator[Operator]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        context = {"name": "it", "context": {"cluster": "it", "user": "it"}}
        one = {"name": "it", "cluster": {"server": f"http://127.0.0.1:{api_port}"}}
        user = {"name": "it", "user": {}}
        content = {"current-context": "it", "contexts": [context], "clusters": [one], "users": [user]}
        kubeconfig.write_text(json.dumps(content))
        command = [sys.executable, "-m", "scaler", "--standalone", "--port", str(port)]
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        process = psutil.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            until(lambda: opens(port), 30, "the operator")
            yield Operator(process, port)
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
            process.wait()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("", 0))
        port: int = one.getsockname()[1]
        return port


def opens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
