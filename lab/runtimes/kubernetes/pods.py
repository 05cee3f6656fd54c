"""What the pods of a service say of themselves: their objects, their control groups, their metrics."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from lab.core import cgroup
from lab.core.cgroup import Reading
from lab.core.exposition import Scrape
from lab.core.objects import Object, is_ending, name_of
from lab.core.starting import Pod, is_ready
from lab.errors import CommandFailed, RuntimeFailure
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.runtimes.kubernetes.values import METRICS_PORT

AT_ONCE = 4
CONTAINER = "service"
T = TypeVar("T")


def selector(release: str) -> str:
    return f"--selector=app.kubernetes.io/instance={release},frameworklab.dev/role"


class Pods:
    """Of one namespace."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._reads: Sequence[Sequence[str]] = cgroup.READS

    def all(self, release: str) -> list[dict[str, Any]]:
        """Those that are ending included, by name."""
        return sorted(self._kubectl.items("get", "pods", selector(release)), key=name_of)

    def ready(self, release: str) -> list[dict[str, Any]]:
        """Those that serve, and are not ending."""
        return [pod for pod in self.all(release) if is_ready(pod) and not is_ending(pod)]

    def readings(self, pods: Sequence[Pod]) -> dict[str, Reading]:
        """By pod's name. Raises RuntimeFailure where an image has nothing to read with."""
        return dict(zip(map(name_of, pods), _together(self._reading, pods), strict=True))

    def scrapes(self, pods: Sequence[Pod]) -> list[Scrape]:
        """Of those that answer; through the API server, from wherever the lab is."""
        return [scrape for scrape in _together(self._scrape, pods) if scrape]

    def _reading(self, pod: Pod) -> Reading:
        """By the version of control groups that its node has."""
        inside = ("exec", name_of(pod), f"--container={CONTAINER}", "--")
        first, second = self._reads
        try:
            return cgroup.parse(self._kubectl.run(*inside, *first))
        except CommandFailed:
            try:
                found = cgroup.parse(self._kubectl.run(*inside, *second))
            except CommandFailed as failed:
                raise RuntimeFailure(
                    f"what {name_of(pod)} uses can't be read; its image needs grep\n{failed}"
                ) from None
            self._reads = (second, first)
            return found

    def _scrape(self, pod: Pod) -> Scrape | None:
        path = f"/api/v1/namespaces/{self._kubectl.namespace}/pods/{name_of(pod)}:{METRICS_PORT}/proxy/metrics"
        try:
            text = self._kubectl.run("get", "--raw", path)
        except RuntimeFailure:
            return None
        return Scrape(name_of(pod), time.monotonic(), text)


def _together(ask: Callable[[Pod], T], pods: Sequence[Pod]) -> list[T]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(ask, pods))


@contextmanager
def watched(kubectl: Kubectl, *what: str) -> Iterator[Callable[[float], list[tuple[float, Object]]]]:
    """A function that waits at most so many seconds for news of `what`: `time.monotonic()` and an object as it was."""
    argv = kubectl.argv("get", *what, "--watch", "--output=json")
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert process.stdout
    with selectors.DefaultSelector() as selecting:
        selecting.register(process.stdout, selectors.EVENT_READ)
        reader = _Documents()

        def news(within_s: float) -> list[tuple[float, Pod]]:
            assert process.stdout
            if not selecting.select(within_s):
                return []
            data = os.read(process.stdout.fileno(), 1 << 20)
            if not data:
                raise RuntimeFailure(f"the cluster ended the watch of {' '.join(what)}")
            return [(time.monotonic(), one) for one in reader.feed(data)]

        try:
            yield news
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


class _Documents:
    """JSON documents out of a stream that puts nothing but space between them."""

    def __init__(self) -> None:
        self._text = ""
        self._bytes = b""

    def feed(self, data: bytes) -> list[Mapping[str, Any]]:
        self._bytes += data
        try:
            self._text, self._bytes = self._text + self._bytes.decode(), b""
        except UnicodeDecodeError:  # cut within a letter
            return []
        found = []
        decoder = json.JSONDecoder()
        while text := self._text.lstrip():
            try:
                document, end = decoder.raw_decode(text)
            except ValueError:
                break
            found.append(document)
            self._text = text[end:]
        return found
