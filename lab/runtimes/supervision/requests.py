"""What the supervisor can be asked, verb by verb. Each returns plain JSON values; failures are LabErrors."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from lab.core.pinning import Pinning
from lab.errors import RuntimeFailure
from lab.runtimes.supervision.children import Children, Command
from lab.runtimes.supervision.place import Place
from lab.runtimes.supervision.plans import ServicePlan
from lab.runtimes.supervision.protocol import Document, service_document, spec_from, usage_document
from lab.runtimes.supervision.receivers import Receivers
from lab.runtimes.supervision.servers import Servers
from lab.runtimes.supervision.services import Services


class Requests:
    """`servers_ready` is done when PostgreSQL and Valkey answer, or raises why they don't."""

    def __init__(
        self,
        place: Place,
        pinning: Pinning,
        children: Children,
        servers: Servers,
        servers_ready: asyncio.Task[None],
        services: Services,
        receivers: Receivers,
        detach: Callable[[], None],
    ) -> None:
        self._place = place
        self._pinning = pinning
        self._children = children
        self._servers = servers
        self._servers_ready = servers_ready
        self._services = services
        self._receivers = receivers
        self._detach = detach
        self._detached = False
        self._numbers = itertools.count(1)

    async def answer(self, request: Document) -> Document:
        match request:
            case {"verb": "ready"}:
                return await self._ready()
            case {"verb": "status"}:
                return self._status()
            case {"verb": "detach"}:
                self._detach()
                self._detached = True
                return {}
            case {"verb": "deploy", "plan": plan}:
                await self._ready()
                service = await self._services.deploy(ServicePlan.from_document(plan))
                return service_document(service.describe())
            case {"verb": "scale", "name": str(name), "replicas": int(replicas)}:
                return service_document((await self._services.scale(name, replicas)).describe())
            case {"verb": "autoscale", "name": str(name), "spec": spec, "every_s": float(every_s)}:
                self._services.autoscale(name, spec_from(spec), every_s)
                return {}
            case {"verb": "kill", "replica": str(replica)}:
                self._services.replica(replica).kill()
                return {}
            case {"verb": "usage", "name": str(name)}:
                return {"replicas": [usage_document(usage) for usage in self._services.get(name).usage()]}
            case {"verb": "remove", "name": str(name)}:
                await self._services.remove(name)
                return {}
            case {"verb": "receive", "store": str(store)}:
                return {"url": await self._receivers.receive(Path(store))}
            case {"verb": "stop receiving", "store": str(store)}:
                await self._receivers.stop(Path(store))
                return {}
            case {"verb": "run", "name": str(name), "argv": argv, "folder": folder, "environment": environment}:
                return await self._run(name, argv, Path(folder), environment)
        raise RuntimeFailure(f"the supervisor does not understand {request}; lab down, then lab up, may help")

    async def _ready(self) -> Document:
        await asyncio.shield(self._servers_ready)
        self._servers.require_alive()
        return {
            "components": self._servers.versions,
            "pinning": asdict(self._pinning),
            "sockets": str(self._place.sockets),
            "token_key": str(self._place.token_key),
            "model": str(self._place.model),
        }

    def _status(self) -> Document:
        return {
            "detached": self._detached,
            "servers": self._servers.describe(),
            "receivers": self._receivers.describe(),
            "services": [
                {
                    **service_document(service.describe()),
                    **service.plan.told,
                    "phases": [replica.phase for replica in service.replicas],
                    "autoscaler": service.autoscaled(),
                }
                for service in self._services.all()
            ],
        }

    async def _run(self, name: str, argv: list[str], folder: Path, environment: dict[str, str]) -> Document:
        """Runs a command to its end, on any CPU, and gives its exit code and the end of what it printed."""
        unique = f"{name}-{next(self._numbers)}"
        command = Command(unique, argv, folder, environment, self._place.logs / f"{unique}.log", self._pinning.all)
        child = self._children.start(command)
        try:
            exit_code = await child.wait()
        finally:
            await child.stop()
        return {"exit_code": exit_code, "output": child.last_lines(), "argv": command.paste()}
