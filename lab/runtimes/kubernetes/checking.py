"""Contracts checked from inside the cluster, where services and the catalog that they are checked with can meet."""

from __future__ import annotations

import base64
import itertools
import secrets
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from selectors import EVENT_READ, DefaultSelector
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self

from lab.errors import RuntimeFailure
from lab.ports import ContractReport
from lab.runtimes.kubernetes.attached import INSTANCE, AttachedJob, Work
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.workers.lines import Lines, Message

CHECKER = "contract-checker"
FIRST_PORT = 8100
POLL_S = 0.2


class RemoteChecker:
    """A ContractChecker for a `with` block, whose work another process does; checks several services at once."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._ids = itertools.count(1)
        self._lock = Lock()
        self._waiting: dict[int, Future[Message]] = {}
        self._failure: RuntimeFailure | None = None
        self._over = Event()
        self._reader = Thread(target=self._read, name="contract reports", daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._reader.join()

    def check(
        self, url: str, role: str, operations: Sequence[str], token_key: bytes, fake_catalog_url: str, metrics_url: str
    ) -> ContractReport:
        """Raises RuntimeFailure where there is nothing that can be checked, or the other process has died."""
        asked = {
            "id": next(self._ids),
            "url": url,
            "role": role,
            "operations": list(operations),
            "token_key": base64.b64encode(token_key).decode(),
            "fake_catalog_url": fake_catalog_url,
            "metrics_url": metrics_url,
        }
        answer = self._ask(asked).result()
        if "error" in answer:
            raise RuntimeFailure(answer["error"])
        report = answer["report"]
        return ContractReport(
            **{**report, "violations": tuple(report["violations"]), "not_run": tuple(report["not_run"])}
        )

    def _ask(self, asked: Message) -> Future[Message]:
        future: Future[Message] = Future()
        with self._lock:
            if self._failure:
                raise self._failure
            self._lines.send(asked)
            self._waiting[asked["id"]] = future
        return future

    def _read(self) -> None:
        failure = RuntimeFailure("the contract checker was ended")
        with DefaultSelector() as selector:
            selector.register(self._lines, EVENT_READ)
            try:
                while not self._over.is_set():
                    for message in self._lines.read() if selector.select(POLL_S) else ():
                        if "id" in message:
                            self._settle(message)
            except RuntimeFailure as died:
                failure = died
        with self._lock:
            self._failure = failure
            for future in self._waiting.values():
                future.set_exception(failure)

    def _settle(self, message: Message) -> None:
        with self._lock:
            self._waiting.pop(message["id"]).set_result(message)


class JobChecker:
    """A RemoteChecker for a `with` block, in a Job of which nothing is left; `seed` decides what requests are made up.

    URLs are those that the namespace's pods use.
    """

    def __init__(self, kubectl: Kubectl, image: str, seed: int) -> None:
        argv = ("python", "-m", "lab.contract.worker", f"--seed={seed}")
        self._name = f"{CHECKER}-{secrets.token_hex(2)}"
        self._job = AttachedJob(kubectl, Work(self._name, CHECKER, image, argv, memory="128Mi", hostname=CHECKER))
        self._kubectl = kubectl
        self._ports = itertools.count(FIRST_PORT)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            lines = stack.enter_context(self._job)
            owner = self._kubectl.json("get", "job", self._name)["metadata"]["uid"]
            self._kubectl.apply(service(self._name, owner))
            self._checker = stack.enter_context(RemoteChecker(lines[0]))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def fake_catalog_url(self) -> str:
        """An address in the cluster that nothing is served at yet."""
        return f"http://{CHECKER}:{next(self._ports)}"

    def check(
        self, url: str, role: str, operations: Sequence[str], token_key: bytes, fake_catalog_url: str, metrics_url: str
    ) -> ContractReport:
        return self._checker.check(url, role, operations, token_key, fake_catalog_url, metrics_url)


def service(job: str, uid: str) -> dict[str, Any]:
    """By which services find the catalog that the checker's pod serves, on whichever port. It goes with the Job."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": uid}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": CHECKER,
            "labels": {"app.kubernetes.io/name": CHECKER, "app.kubernetes.io/part-of": "framework-lab"},
            "ownerReferences": [owner],
        },
        "spec": {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": {INSTANCE: job}},
    }
