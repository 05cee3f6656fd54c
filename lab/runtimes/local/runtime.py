"""The embedded runtime as the engine sees it: a client of one lab's supervisor."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from scaler.spec import Spec
from shop import model

from lab.core.deployment import Deployment, Facts, Service, Usage
from lab.core.exposition import Scrape
from lab.core.manifest import RECOMMEND_ROLE, Manifest, command
from lab.core.pinning import Pinning
from lab.core.telemetry import Mode
from lab.errors import CommandFailed
from lab.runtimes.databases import Databases
from lab.runtimes.local.client import Client
from lab.runtimes.supervision import servers
from lab.runtimes.supervision.affinity import keep_to
from lab.runtimes.supervision.autoscaling import EVERY_S
from lab.runtimes.supervision.plans import clean, plan
from lab.runtimes.supervision.protocol import Document, service_from, spec_document, usage_from
from lab.scrape import scrape


class LocalRuntime:
    """Implements `lab.ports.Runtime`. Safe to use from several threads."""

    def __init__(self, client: Client, on_step: Callable[[str], None]) -> None:
        """Returns when PostgreSQL and Valkey answer."""
        ready = client.ask("ready")
        self._client = client
        self._on_step = on_step
        self._components = dict(ready["components"])
        self._sockets = Path(ready["sockets"])
        self._token_key = Path(ready["token_key"])
        self._model = Path(ready["model"])
        self._pinning = Pinning(
            tuple(ready["pinning"]["replicas"]), tuple(ready["pinning"]["lab"]), ready["pinning"]["text"]
        )
        self._databases = Databases(self.database_url, self._migrate)
        self._deployed: set[str] = set()
        self._made: set[str] = set()
        self._receiving: set[Path] = set()

    def facts(self) -> Facts:
        return Facts(
            runtime="local",
            pinning=self._pinning.text,
            limits=f"CPU and memory of replicas are not limited. {servers.LIMITS}.",
            components=self._components,
        )

    def generator_cpus(self) -> tuple[int, ...]:
        """Where the load generator belongs; empty when nothing is pinned."""
        return self._pinning.lab

    def pin_this_process(self) -> None:
        """To the CPUs of the lab, so that what measures stays off those of the replicas."""
        keep_to(self._pinning.lab)

    def cache_url(self) -> str:
        return servers.cache_url(self._sockets)

    def database_url(self, name: str) -> str:
        return servers.database_url(self._sockets, name)

    def token_key(self) -> bytes:
        return self._token_key.read_bytes()

    def database(self, variant: Manifest, name: str, keep: bool = False) -> str:
        if keep:
            self._databases.keep(variant, name, self._on_step)
        else:
            self._made.add(name)
            self._databases.make(variant, name)
        return self.database_url(name)

    def deploy(self, deployment: Deployment) -> Service:
        if deployment.role == RECOMMEND_ROLE:
            self._require_model()
        wanted = plan(deployment, sys.executable, self._token_key, self._model, os.environ)
        self._deployed.add(deployment.name)
        return service_from(self._client.ask("deploy", plan=wanted.document()))

    def scale(self, name: str, replicas: int) -> Service:
        return service_from(self._client.ask("scale", name=name, replicas=replicas))

    def autoscale(self, name: str, spec: Spec, every_s: float = EVERY_S) -> None:
        """From now on the supervisor scales the service, as often, by what its replicas tell."""
        self._client.ask("autoscale", name=name, spec=spec_document(spec), every_s=every_s)

    def kill(self, replica: str) -> None:
        """As a crash would; the supervisor starts it again."""
        self._client.ask("kill", replica=replica)

    def usage(self, name: str) -> Sequence[Usage]:
        return [usage_from(document) for document in self._client.ask("usage", name=name)["replicas"]]

    def metrics(self, name: str) -> Sequence[Scrape]:
        for service in self.status()["services"]:
            if service["name"] == name and service["telemetry"] != Mode.OFF:
                return scrape(service_from(service).replicas)
        return []

    def receive(self, store: Path) -> str:
        """The base URL that spans are sent to, to be kept in the file `store`; the same URL for the same file."""
        store = store.absolute()
        url = str(self._client.ask("receive", store=str(store))["url"])
        self._receiving.add(store)
        return url

    def remove(self, name: str) -> None:
        self._client.ask("remove", name=name)
        self._deployed.discard(name)

    def remove_all(self) -> None:
        """Removes services, databases and receivers that were made here and are still there; a shared lab goes on.

        Services go first and receivers last; one that fails to go keeps none of the others.
        """
        with ExitStack() as going:
            for store in self._receiving:
                going.callback(self._client.ask, "stop receiving", store=str(store))
            for name in self._made:
                going.callback(self._databases.drop, name)
            for service in self.status()["services"]:
                if service["name"] in self._deployed:
                    going.callback(self.remove, service["name"])

    def status(self) -> Document:
        return self._client.ask("status")

    def _require_model(self) -> None:
        """Made when it is first needed; whoever makes it at the same time makes the same."""
        if not self._model.exists():
            made = self._model.with_name(f"model-{threading.get_ident()}")
            model.write(made, model.build())
            made.replace(self._model)

    def _migrate(self, variant: Manifest, database: str) -> None:
        self._on_step(f"{variant.name}: migrations and seed")
        done = self._client.ask(
            "run",
            name=f"migrate-{variant.name}",
            argv=command(variant.migrate, sys.executable),
            folder=str(variant.folder.absolute()),
            environment={**clean(os.environ), "DATABASE_URL": self.database_url(database)},
        )
        if done["exit_code"]:
            raise CommandFailed(done["argv"], done["exit_code"], done["output"])
