"""What the engine asks of the world, in its own words. Adapters implement these; the command line hands them over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from lab.core.autoscaling import Autoscaling, Size
from lab.core.deployment import Deployment, Facts, Service, Start, Throttling, Usage
from lab.core.exposition import Scrape
from lab.core.manifest import Manifest
from lab.core.measurement import Measurement
from lab.core.scenario import Scenario
from lab.core.schedule import Step
from lab.core.trial import Trial


class Runtime(Protocol):
    """Where replicas live. Every verb raises RuntimeFailure when it cannot do what it was asked."""

    def facts(self) -> Facts: ...

    def cache_url(self) -> str: ...

    def token_key(self) -> bytes: ...

    def database(self, variant: Manifest, name: str, keep: bool = False) -> str:
        """The URL of a new database for `variant`: its migrations and the seed, nothing else.

        With `keep` of one that stays: as it is, where the same build of the variant has it already.
        """
        ...

    def deploy(self, deployment: Deployment) -> Service:
        """Returns when every replica is ready and has answered."""
        ...

    def scale(self, name: str, replicas: int) -> Service: ...

    def usage(self, name: str) -> Sequence[Usage]: ...

    def metrics(self, name: str) -> Sequence[Scrape]:
        """What the replicas expose now; those that have no metrics, or don't answer in time, are left out."""
        ...

    def remove(self, name: str) -> None: ...


class Cluster(Runtime, Protocol):
    """A runtime that schedules, limits and replaces replicas. The verbs here return when what they ask for is done."""

    def roll(self, name: str) -> None:
        """Replaces every replica by a new one, as an update does: returns when the new ones are ready, the old gone."""
        ...

    def kill(self, name: str) -> str:
        """Kills the processes of one replica by SIGKILL; its id."""
        ...

    def evict(self, name: str) -> str:
        """Evicts one replica, gracefully, as draining its node does; its id. Returns when the request was granted."""
        ...

    def start(self, name: str) -> Start:
        """Runs one replica of a service that has none, and tells how it came up."""
        ...

    def throttling(self, name: str) -> Sequence[Throttling]: ...

    def autoscaled(self, name: str, autoscaling: Autoscaling) -> AbstractContextManager[None]:
        """In the block, which begins when it knows what the service does, an autoscaler decides on its replicas."""
        ...

    def sizes(self, name: str) -> AbstractContextManager[Callable[[], Sequence[Size]]]:
        """How many replicas it has had from the block's begin until now, at times of `time.monotonic()`."""
        ...

    def image_bytes(self, variant: Manifest) -> int:
        """What the variant's image takes on a node's disk, its shared layers included."""
        ...


@dataclass(frozen=True, slots=True)
class Share:
    """What of a load one of several workers takes: its schedule's request `worker`, and from there each `workers`th."""

    worker: int = 0
    workers: int = 1


WHOLE = Share()


@dataclass(frozen=True, slots=True)
class Load:
    """One trial's load. `urls` has each role's base URL; `state` names the answers kept between loads of one target.

    The workload is requests at `rate_per_s` or, where the scenario has streams, that many `streams`; the requests
    beside it, where the scenario has any, leave at `beside_per_s`. Each may be 0. `run`, `trial` and `variant` name
    what it is for, to who watches; a cluster's pods have the same `variant`. Of a `share`, rates are those of the whole
    load, `streams` its own. With `steps` the workload's rate changes: `rate_per_s` is their mean, `duration_s` all of
    their time.
    """

    scenario: Scenario
    urls: Mapping[str, str]
    state: str
    rate_per_s: float
    duration_s: float
    seed: int
    token: str
    streams: int = 0
    beside_per_s: float = 0.0
    run: str = ""
    trial: str = ""
    variant: str = ""
    share: Share = WHOLE
    steps: tuple[Step, ...] = ()

    @property
    def peak_per_s(self) -> float:
        """The highest rate of the workload, and what is beside it."""
        return max((step.rate_per_s for step in self.steps), default=self.rate_per_s) + self.beside_per_s


class LoadGenerator(Protocol):
    def run(self, load: Load, on_tick: Callable[[], None]) -> Measurement:
        """Blocks until every request is answered or has failed; calls `on_tick` about twice a second meanwhile."""
        ...


@dataclass(frozen=True, slots=True)
class ContractReport:
    """`violations` are ready to print, each with the request to repeat it; `not_run` are names of cases.

    `examples` counts the made-up requests of each operation, `successes` those of them that were answered 2xx.
    """

    passed: int
    violations: tuple[str, ...]
    not_run: tuple[str, ...]
    examples: Mapping[str, int]
    successes: Mapping[str, int]
    seed: int


class ContractChecker(Protocol):
    def check(
        self, url: str, role: str, operations: Sequence[str], token_key: bytes, fake_catalog_url: str, metrics_url: str
    ) -> ContractReport:
        """Checks `operations` (all of the role where empty). The checker serves `fake_catalog_url` itself if given."""
        ...


class Observer(Protocol):
    """Is told what happens, from any thread: a table on the terminal, a folder of results."""

    def step(self, text: str) -> None: ...

    def contract(self, variant: str, role: str, report: ContractReport) -> None: ...

    def failed(self, variant: str, reason: str) -> None: ...

    def trial(self, trial: Trial) -> None: ...

    def metrics(self, trial: Trial, scrapes: Mapping[str, Sequence[Scrape]]) -> None:
        """What the replicas of each service exposed during a trial, at seconds from its begin."""
        ...
