"""How many replicas a service has while something else goes on: what its Deployment says, as soon as it says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from lab.core.autoscaling import Size
from lab.core.objects import Object
from lab.errors import RuntimeFailure
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.runtimes.kubernetes.pods import watched

TOLD_WITHIN_S = 10.0
LOOKS_UP_S = 0.5  # how long the block's end may take


@contextmanager
def sizes(kubectl: Kubectl, release: str) -> Iterator[Callable[[], Sequence[Size]]]:
    """All until now, at times of `time.monotonic()`; that raises RuntimeFailure once the cluster tells no more."""
    over = threading.Event()
    with watched(kubectl, f"deployment/{release}") as news, ThreadPoolExecutor(1) as pool:
        found: list[Size] = []
        deadline = time.monotonic() + TOLD_WITHIN_S
        while not found:
            if time.monotonic() > deadline:
                raise RuntimeFailure(f"no word within {TOLD_WITHIN_S:g} s of how many replicas {release} has")
            found += (_size(*one) for one in news(LOOKS_UP_S))

        def follow() -> None:
            while not over.is_set():
                found.extend(_size(*one) for one in news(LOOKS_UP_S))

        following = pool.submit(follow)

        def until_now() -> Sequence[Size]:
            if following.done():
                following.result()
            return tuple(found)

        try:
            yield until_now
        finally:
            over.set()


def _size(at_s: float, deployment: Object) -> Size:
    status = deployment["status"]
    return Size(at_s, deployment["spec"]["replicas"], status.get("replicas", 0), status.get("readyReplicas", 0))
