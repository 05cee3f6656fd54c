"""What a runtime is asked to run, and what it tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.core.manifest import Manifest
from lab.core.telemetry import OFF, Telemetry


@dataclass(frozen=True, slots=True)
class Resources:
    """What a replica may use at most, in thousandths of a core and MiB.

    The runtime sets as much aside for it, of CPU `reserved_cpu_m` where that is given.
    """

    cpu_m: int
    memory_mib: int
    reserved_cpu_m: int | None = None


SMALL = Resources(cpu_m=250, memory_mib=256)  # four replicas fit beside a cluster's own parts on two cores


@dataclass(frozen=True, slots=True)
class Deployment:
    """A service to run: `name` is unique in the lab; every URL is as the replicas reach it, empty where not needed.

    `port` 0 leaves the choice to the runtime. `otlp_url` is the base URL that traces go to. `resources` are heeded by a
    runtime that can limit.
    """

    name: str
    variant: Manifest
    role: str
    replicas: int = 1
    database_url: str = ""
    database_connections: int = 4
    cache_url: str = ""
    catalog_url: str = ""
    stream_max_s: int = 300
    port: int = 0
    telemetry: Telemetry = OFF
    otlp_url: str = ""
    resources: Resources = SMALL


@dataclass(frozen=True, slots=True)
class Replica:
    """One replica that is or was up. Times are seconds from the start of its process; pids are of its process tree.

    Where a runtime knows them only to the second, it leaves `ready_s` rounded and `first_answer_s` out.
    """

    id: str
    metrics_url: str
    pids: tuple[int, ...]
    ready_s: float
    first_answer_s: float | None
    restarts: int


@dataclass(frozen=True, slots=True)
class Service:
    """A deployed service whose replicas have all been ready."""

    name: str
    url: str
    replicas: tuple[Replica, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a replica's process tree used so far. `clients` are the remote ports of its open connections."""

    replica: str
    pids: tuple[int, ...]
    cpu_s: float
    memory_bytes: int
    clients: frozenset[int]
    alive: bool


@dataclass(frozen=True, slots=True)
class Throttling:
    """How often the CPU limit stopped a replica so far: periods of 100 ms, those that were cut short, time lost."""

    replica: str
    periods: int
    throttled_periods: int
    throttled_s: float


@dataclass(frozen=True, slots=True)
class Start:
    """How one replica came up: seconds from the moment that it was asked for. Phases follow each other.

    `schema_s`: its tables were found to be there; `process_s`: its own process ran; `ready_s`: it counted as ready;
    `first_answer_s`: a request to its service was answered.
    """

    replica: str
    scheduled_s: float
    schema_s: float
    process_s: float
    ready_s: float
    first_answer_s: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What a reader must know of the runtime to judge the numbers."""

    runtime: str
    pinning: str
    limits: str
    components: Mapping[str, str]
