"""A port of this machine that leads to a Service, for as long as a block lasts."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from lab.errors import CommandFailed, RuntimeFailure
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.runtimes.kubernetes.tied import tied

HOST = "127.0.0.1"
ACCEPTS_WITHIN_S = 30.0
PAUSE_S = 0.5
ACCEPTS = re.compile(rf"Forwarding from {re.escape(HOST)}:(\d+) ")


@contextmanager
def forwarded(kubectl: Kubectl, service: str, port: int) -> Iterator[int]:
    """The port of 127.0.0.1 that leads to `port` of `service`, by way of one of its pods.

    When that pod goes, another one takes its place; connections that were open are lost. Raises CommandFailed when
    there is no such Service, or none of its pods runs.
    """
    forwarding = _Forwarding(kubectl, service, port)
    try:
        yield forwarding.local_port()
    finally:
        forwarding.end()


class _Forwarding:
    """Runs kubectl in a thread, again whenever it ends; the local port is its own choice at first, and then kept."""

    def __init__(self, kubectl: Kubectl, service: str, port: int) -> None:
        self._kubectl = kubectl
        self._service = service
        self._port = port
        self._local: Future[int] = Future()
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def local_port(self) -> int:
        try:
            return self._local.result(ACCEPTS_WITHIN_S)
        except TimeoutError:
            raise RuntimeFailure(
                f"nothing was forwarded to {self._service}:{self._port} within {ACCEPTS_WITHIN_S:g} s"
            ) from None

    def end(self) -> None:
        self._ending.set()
        if self._process and self._process.stdin:
            self._process.stdin.close()
        self._thread.join()

    def _keep(self) -> None:
        while not self._ending.is_set():
            local = self._local.result() if self._local.done() else ""
            argv = self._kubectl.argv(
                "port-forward", f"--address={HOST}", f"service/{self._service}", f"{local}:{self._port}"
            )
            with tied(argv) as process:
                self._process = process
                said = "" if self._ending.is_set() else self._listen(process)
            if not self._local.done():
                self._local.set_exception(CommandFailed(argv, process.returncode, said))
                return
            self._ending.wait(PAUSE_S)

    def _listen(self, process: subprocess.Popen[bytes]) -> str:
        """Until it ends; what it said before it accepted connections."""
        said = ""
        assert process.stdout
        for line in process.stdout:
            if self._local.done():
                continue
            said += line.decode(errors="replace")
            if match := ACCEPTS.search(said):
                self._local.set_result(int(match[1]))
        return said
