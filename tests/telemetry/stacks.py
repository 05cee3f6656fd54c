"""Stacks of real variants that tell all they can, and a receiver for it in this process."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from lab.contract.client import Client
from lab.contract.document import load
from lab.contract.probe import Ids, Probe, Setting
from lab.contract.signals import Fault
from lab.contract.telemetry import Service
from lab.contract.telemetry_receiver import Receiver
from lab.contract.tokens import Tokens
from lab.core.deployment import Deployment
from lab.core.roles import WITH_DATABASE
from lab.core.stacks import Stack
from lab.core.telemetry import Telemetry
from lab.runtimes.local import LocalRuntime
from lab.runtimes.supervision.ports import HOST

OFFICIAL = Telemetry.parse("official")


@dataclass(frozen=True)
class Running:
    """`replicas` are the names of the only replica of each role."""

    stack: Stack
    runtime: LocalRuntime
    receiver: Receiver
    services: Mapping[str, Service]
    names: Mapping[str, str]
    database_url: str
    logs: Path

    def log(self, role: str) -> list[dict[str, Any]]:
        """What the role's replica wrote."""
        lines = (self.logs / f"{self.names[role]}-1.log").read_text().splitlines()
        return [json.loads(line) for line in lines]

    @contextmanager
    def fault(self, fault: Fault) -> Iterator[None]:
        """While the block is executed; a catalog that is down stays so."""
        if fault is Fault.CATALOG_DOWN:
            self.runtime.remove(self.names["catalog"])
        if fault is not Fault.TABLE_AWAY:
            yield
            return
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("ALTER TABLE product RENAME TO product_away")
            try:
                yield
            finally:
                connection.execute("ALTER TABLE product_away RENAME TO product")


@contextmanager
def running(stack: Stack, runtime: LocalRuntime, logs: Path) -> Iterator[Running]:
    """One replica of each role of the stack, whose traces come to the receiver."""
    prefix = f"told-{re.sub('[^a-z]+', '-', stack.name)}"
    names = {role: f"{prefix}-{role}" for role in stack.players}
    databases = {
        role: runtime.database(variant, f"{prefix}_{role}")
        for role, variant in stack.players.items()
        if role in WITH_DATABASE
    }
    with ExitStack() as ending:
        receiver = ending.enter_context(Receiver(HOST))

        def deploy(role: str, catalog_url: str = "") -> Service:
            service = runtime.deploy(
                Deployment(
                    names[role],
                    stack.players[role],
                    role,
                    database_url=databases.get(role, ""),
                    cache_url=runtime.cache_url() if role in WITH_DATABASE else "",
                    catalog_url=catalog_url,
                    telemetry=OFFICIAL,
                    otlp_url=receiver.url,
                )
            )
            return service_at(service.url, service.replicas[0].metrics_url, role, runtime)

        ending.callback(remove_those_left, runtime, list(names.values()))
        independent = [role for role in stack.players if role != "orders"]
        with ThreadPoolExecutor(len(independent)) as pool:
            services = dict(zip(independent, pool.map(deploy, independent), strict=True))
        services["orders"] = deploy("orders", services["catalog"].probe.setting.url)
        for service in services.values():
            ending.callback(service.close)
        yield Running(stack, runtime, receiver, services, names, databases["catalog"], logs)


def service_at(url: str, metrics_url: str, role: str, runtime: LocalRuntime) -> Service:
    setting = Setting(load(), url, Tokens(runtime.token_key(), time.time), Ids(), metrics_url=metrics_url)
    return Service(role, Probe(setting, role, Client(url)))


def remove_those_left(runtime: LocalRuntime, names: Sequence[str]) -> None:
    there = {service["name"] for service in runtime.status()["services"]}
    with ThreadPoolExecutor(max(1, len(names))) as pool:
        list(pool.map(runtime.remove, there.intersection(names)))
