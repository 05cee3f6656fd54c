"""Load from inside the cluster: one Job of load workers for a whole run."""

from __future__ import annotations

from types import TracebackType

from lab.runtimes.kubernetes.attached import AttachedJob, Work
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.runtimes.kubernetes.values import METRICS_PORT
from lab.workers.loads import Generator

ARGV = ("python", "-m", "lab.load.worker", f"--metrics-port={METRICS_PORT}")


class JobGenerator:
    """A Generator for a `with` block, which leaves nothing of its Job. Its URLs are those of the namespace's Services.

    `run` is the run's id; several workers share each load.
    """

    def __init__(self, kubectl: Kubectl, image: str, run: str, workers: int = 1) -> None:
        name = f"load-{run.rpartition('-')[2]}"
        self._job = AttachedJob(kubectl, Work(name, "load", image, ARGV, memory="96Mi", pods=workers, metrics=True))

    def __enter__(self) -> Generator:
        return Generator(self._job.__enter__())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._job.__exit__(kind, error, traceback)
