"""A cluster in memory, whose time passes only while something is done: under load, or in one of its verbs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from lab.core.autoscaling import Autoscaling, Size
from lab.core.deployment import Deployment, Replica, Service, Start, Throttling, Usage
from lab.core.manifest import Manifest
from lab.core.measurement import Measurement, Second
from lab.core.schedule import Step
from lab.engine.happening import Pace
from lab.engine.measuring import WARM_UP_S
from lab.errors import RuntimeFailure
from lab.ports import Load
from tests.core.made import measurement
from tests.engine.fakes import FakeRuntime

TICK_S = 0.5
UNDER_TRIAL = "trial-"


@dataclass
class FakeCluster(FakeRuntime):
    """`done` has what was asked of services under trial, in order; what is in `refused` fails. `took_s` is how long
    something takes. A replica uses 10 ms of CPU in a second, and a look into it takes `look_cpu_s` of its CPU. Whatever
    is autoscaled gets `grown` replicas after so many seconds."""

    now: float = 1000.0
    took_s: Mapping[str, float] = field(default_factory=dict)
    refused: tuple[tuple[str, str], ...] = ()
    done: list[tuple[str, str]] = field(default_factory=list)
    replicas: dict[str, int] = field(default_factory=dict)
    most_replicas: int = 0
    look_cpu_s: float = 0.0
    looks: int = 0
    grown: Mapping[float, int] = field(default_factory=dict)

    def pace(self) -> Pace:
        """What is spawned happens at once."""

        def sleep(seconds: float) -> None:
            self.now += seconds

        def spawn(step: Callable[[], object]) -> Callable[[], None]:
            step()
            return lambda: None

        return Pace(lambda: self.now, sleep, spawn)

    def scale(self, name: str, replicas: int) -> Service:
        self._do(f"scale to {replicas}", name)
        self._count(name, replicas)
        found = [Replica(f"{name}-{number}", "http://metrics", (1,), 0.5, None, 0) for number in range(replicas)]
        return Service(name, f"http://{name}", tuple(found))

    def deploy(self, deployment: Deployment) -> Service:
        self._do("deploy", deployment.name)
        self._count(deployment.name, deployment.replicas)
        return super().deploy(deployment)

    def remove(self, name: str) -> None:
        self._do("remove", name)
        self._count(name, 0)
        self.deployed.pop(name, None)

    def usage(self, name: str) -> Sequence[Usage]:
        self.looks += 1
        return [replace(usage, cpu_s=self._cpu_s()) for usage in super().usage(name)]

    def roll(self, name: str) -> None:
        self._do("roll", name)

    def kill(self, name: str) -> str:
        return self._do("kill", name)

    def evict(self, name: str) -> str:
        return self._do("evict", name)

    def start(self, name: str) -> Start:
        return Start(self._do("start", name), 0.5, 1.5, 2.0, 6.0, 6.5)

    def throttling(self, name: str) -> Sequence[Throttling]:
        """A tenth of all periods is cut short, and what takes CPU waits as long for it."""
        periods = round(self.now * 10)
        return [Throttling(f"{name}-0", periods, periods // 10, self._cpu_s())]

    @contextmanager
    def autoscaled(self, name: str, autoscaling: Autoscaling) -> Iterator[None]:
        self._do(f"autoscale by {autoscaling.by}, {autoscaling.max_replicas} at most", name)
        yield
        self._do("autoscale no more", name)

    @contextmanager
    def sizes(self, name: str) -> Iterator[Callable[[], Sequence[Size]]]:
        began, first = self.now, self.replicas[name]

        def until_now() -> Sequence[Size]:
            found = {0.0: first, **self.grown}
            return [Size(began + at_s, count, count, count) for at_s, count in found.items()]

        yield until_now

    def image_bytes(self, variant: Manifest) -> int:
        return 200 * 2**20

    def _cpu_s(self) -> float:
        return self.now / 100 + self.looks * self.look_cpu_s

    def _count(self, name: str, replicas: int) -> None:
        if name.startswith(UNDER_TRIAL):
            self.replicas[name] = replicas
            self.most_replicas = max(self.most_replicas, sum(self.replicas.values()))

    def _do(self, what: str, name: str) -> str:
        if (what, name) in self.refused:
            raise RuntimeFailure(f"cannot {what} {name}")
        if name.startswith(UNDER_TRIAL):
            self.done.append((what, name))
        self.now += self.took_s.get(what, 0.0)
        return f"{name}-0"


@dataclass
class PassingLoad:
    """A generator whose load lasts as long as it should. `failing` are requests that fail, by second. So many of the
    first loads after a warm-up are void."""

    cluster: FakeCluster
    failing: Mapping[int, int] = field(default_factory=dict)
    void_times: int = 0
    loads: list[Load] = field(default_factory=list)

    def run(self, load: Load, on_tick: Callable[[], None]) -> Measurement:
        end = self.cluster.now + load.duration_s
        while self.cluster.now < end:
            on_tick()
            self.cluster.now += TICK_S
        self.loads.append(load)
        steps = load.steps or (Step(load.rate_per_s, load.duration_s),)
        rates = [round(step.rate_per_s) for step in steps for _ in range(round(step.duration_s))]
        seconds = [Second(rate, self.failing.get(second, 0)) for second, rate in enumerate(rates)]
        failed = sum(second.failed for second in seconds)
        found = measurement(load.rate_per_s, answered=sum(rates) - failed)
        found = replace(
            found,
            seconds=tuple(seconds),
            scheduled=sum(rates),
            duration_s=load.duration_s,
            errors={"status 503": failed} if failed else {},
        )
        if load.duration_s == WARM_UP_S or not self.void_times:
            return found
        self.void_times -= 1
        return replace(found, steal_share=0.5)
