"""The services of a lab: replicas that share a port, in the number asked for, within the connections there are."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scaler.spec import Spec

from lab.core import connections
from lab.core.deployment import Service, Usage
from lab.core.telemetry import Mode
from lab.errors import InputError, RuntimeFailure
from lab.runtimes.supervision import ports
from lab.runtimes.supervision.autoscaling import LOG as AUTOSCALER_LOG
from lab.runtimes.supervision.autoscaling import Autoscaler
from lab.runtimes.supervision.children import Children, Command
from lab.runtimes.supervision.clients import by_process
from lab.runtimes.supervision.plans import ServicePlan
from lab.runtimes.supervision.ports import HOST, SHARED_PORTS, Port
from lab.runtimes.supervision.protocol import Document
from lab.runtimes.supervision.replicas import Phase, RunningReplica
from lab.runtimes.supervision.servers import LAB_CONNECTIONS, MAX_CONNECTIONS
from lab.runtimes.supervision.together import together


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every replica gets. `tasks` keeps replicas up, and is where a fault in doing so surfaces."""

    children: Children
    tasks: asyncio.TaskGroup
    logs: Path
    ports: Sequence[int]
    cpus: Sequence[int]


class RunningService:
    """Raises RuntimeFailure from `scale` when a replica does not start; those that run stay."""

    def __init__(self, plan: ServicePlan, around: Surroundings) -> None:
        self.plan = plan
        self.asked = plan.replicas
        self.wanted = plan.replicas  # what it may hold connections for, while it is being scaled
        self.replicas: list[RunningReplica] = []
        self._around = around
        self._port: Port = ports.hold_one([plan.port] if plan.port else around.ports, shared=True)
        self._numbers = itertools.count(1)
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._lock = asyncio.Lock()
        self._autoscaler: Autoscaler | None = None
        self._autoscaling: asyncio.Task[None] | None = None

    @property
    def changing(self) -> bool:
        """Whether it is being scaled now."""
        return self._lock.locked()

    @property
    def most(self) -> int:
        """What it may hold connections for, while it is being scaled, and by its autoscaler."""
        return max(self.wanted, self._autoscaler.spec.max_replicas if self._autoscaler else 0)

    async def scale(self, replicas: int) -> None:
        """Starts replicas at once, or stops the newest ones."""
        async with self._lock:
            self.asked = replicas
            self.wanted = max(replicas, len(self.replicas))
            try:
                kept = self._living()[:replicas]
                await self._stop([replica for replica in self.replicas if replica not in kept])
                await self._start(replicas - len(self.replicas))
            finally:
                self.asked = len(self._living())
                self.wanted = len(self.replicas)

    def autoscale(self, spec: Spec, every_s: float) -> None:
        """From now on, instead of what scaled it until now."""
        if self._autoscaling:
            self._autoscaling.cancel()
        name = self.plan.name
        self._autoscaler = Autoscaler(name, spec, every_s, self, self._around.logs / AUTOSCALER_LOG)
        self._autoscaling = self._around.tasks.create_task(self._autoscaler.keep(), name=f"autoscale {name}")

    async def stop(self) -> None:
        if self._autoscaling:
            self._autoscaling.cancel()
        async with self._lock:
            await self._stop(list(self.replicas))
            self._port.release()

    def describe(self) -> Service:
        url = f"http://{HOST}:{self._port.number}"
        return Service(self.plan.name, url, tuple(replica.describe() for replica in self.replicas))

    def autoscaled(self) -> Document | None:
        """The status of its autoscaler, empty before the first decision; None where it has none."""
        return self._autoscaler.status if self._autoscaler else None

    def usage(self) -> list[Usage]:
        clients = by_process(self._port.number, [pid for replica in self.replicas for pid in replica.pids])
        return [replica.usage(clients) for replica in self.replicas]

    def _make(self) -> RunningReplica:
        name = f"{self.plan.name}-{next(self._numbers)}"
        metrics_port = ports.hold_one(self._around.ports, shared=False)
        bound = {
            "LAB_PORT": str(self._port.number),
            "LAB_METRICS_PORT": str(metrics_port.number),
            "OTEL_RESOURCE_ATTRIBUTES": f"service.instance.id={name}",
        }
        command = Command(
            name=name,
            argv=self.plan.argv,
            folder=self.plan.folder,
            environment={**self.plan.environment, **bound},
            log=self._around.logs / f"{name}.log",
            cpus=self._around.cpus,
        )
        return RunningReplica(
            command, self._port.number, metrics_port, self._around.children, lambda: len(self.replicas) == 1
        )

    def _living(self) -> list[RunningReplica]:
        """Without those whose end was interrupted."""
        return [replica for replica in self.replicas if replica.phase is not Phase.ENDED]

    async def _start(self, count: int) -> None:
        new = [self._make() for _ in range(count)]
        self.replicas += new
        try:
            await together(*(replica.start() for replica in new))
        except BaseException:
            await self._stop(new)
            raise
        for replica in new:
            self._keepers[replica.id] = self._around.tasks.create_task(replica.keep(), name=f"keep {replica.id}")

    async def _stop(self, replicas: Sequence[RunningReplica]) -> None:
        for replica in replicas:
            if keeper := self._keepers.pop(replica.id, None):
                keeper.cancel()
        await together(*(replica.stop() for replica in replicas))
        self.replicas = [replica for replica in self.replicas if replica not in replicas]


class Services:
    """Every service by its name."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._running: dict[str, RunningService] = {}

    def all(self) -> list[RunningService]:
        return list(self._running.values())

    def get(self, name: str) -> RunningService:
        """Raises InputError when there is no such service."""
        if name not in self._running:
            there = f"there are {', '.join(self._running)}" if self._running else "none runs"
            raise InputError("the service's name", [f"there is no {name}; {there}"])
        return self._running[name]

    def replica(self, replica_id: str) -> RunningReplica:
        """Raises InputError when there is no such replica."""
        replicas = {replica.id: replica for service in self.all() for replica in service.replicas}
        if replica_id not in replicas:
            there = f"there are {', '.join(replicas)}" if replicas else "none runs"
            raise InputError("the replica's name", [f"there is no {replica_id}; {there}"])
        return replicas[replica_id]

    async def deploy(self, plan: ServicePlan) -> RunningService:
        """Nothing of the service is left when a replica does not start."""
        if plan.name in self._running:
            raise RuntimeFailure(f"there is a service {plan.name} already; see lab status")
        self._require_room(plan, plan.replicas)
        service = self._running[plan.name] = RunningService(plan, self._around)
        try:
            await service.scale(plan.replicas)
        except BaseException:
            await self._end(service)
            raise
        return service

    async def scale(self, name: str, replicas: int) -> RunningService:
        service = self.get(name)
        self._require_room(service.plan, replicas)
        await service.scale(replicas)
        return service

    def autoscale(self, name: str, spec: Spec, every_s: float) -> None:
        service = self.get(name)
        if service.plan.told["telemetry"] == Mode.OFF:
            raise RuntimeFailure(f"telemetry is off in {name}, so nothing tells how many replicas it needs")
        self._require_room(service.plan, spec.max_replicas)
        service.autoscale(spec, every_s)

    async def remove(self, name: str) -> None:
        await self._end(self.get(name))

    async def _end(self, service: RunningService) -> None:
        await service.stop()
        if self._running.get(service.plan.name) is service:
            del self._running[service.plan.name]

    def _require_room(self, plan: ServicePlan, replicas: int) -> None:
        if replicas < 0:
            raise InputError("the number of replicas", [f"{replicas} is below 0"])
        if replicas > 1 and not SHARED_PORTS:
            raise RuntimeFailure("only Linux spreads connections over replicas that share a port: one replica here")
        others = [service.plan.demand(service.most) for service in self.all() if service.plan.name != plan.name]
        demands = [*others, plan.demand(replicas)]
        if reason := connections.refusal(demands, max_connections=MAX_CONNECTIONS, reserved=LAB_CONNECTIONS):
            raise RuntimeFailure(reason)
