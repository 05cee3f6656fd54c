"""A receiver as the lab runs it, for tests."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.polling import until
from tests.ports import HOST, free_port


class Receiver:
    def __init__(self, store: Path) -> None:
        self.store = store
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        argv = [sys.executable, "-m", "lab.telemetry", "--store", str(store), "--port", str(self.port)]
        self.process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)

    def ask(
        self, method: str, path: str, body: bytes | Sequence[bytes] = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """In chunks, where the body is in parts."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def is_ready(self) -> bool:
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            assert self.process.poll() is None, "it has ended"
            return False


@contextmanager
def receiver(store: Path) -> Iterator[Receiver]:
    """Ready; ended when the block is left."""
    started = Receiver(store)
    with started.process:
        try:
            until(started.is_ready, 10, "the receiver is ready")
            yield started
        finally:
            started.process.terminate()
            try:
                started.process.wait(5)
            finally:
                started.process.kill()
