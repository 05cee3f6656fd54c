"""What replicas of a made-up service tell: constant rates, from which any row of a table can differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from scaler.decision import Decision, decide
from scaler.demand import Observed, State
from scaler.samples import Sample
from scaler.spec import Spec

TICK_S = 5.0
SPEC = Spec(max_replicas=20)


@dataclass(frozen=True)
class Replica:
    """Rates per second, constant. By default a server with 4 threads whose requests take 40 ms, 10 of them on the CPU.

    So it carries 100 a second, as long as nothing but its CPU and its threads limits it; at 70 % that is 70.
    """

    completed: float = 0.0
    failed: float = 0.0
    slow: float = 0.0
    in_flight: float = 0.0
    queued: float | None = 0.0
    queued_growth: float = 0.0
    service_s: float = 0.04
    cpu_s: float = 0.01
    busy: float | None = None  # of its threads; None: as long as requests take
    concurrency: float | None = 4.0
    started: float = -100.0

    def sample(self, name: str, at: float, before: Sample | None = None) -> Sample:
        """What it tells then; its counters went on from those that it told `before`, or from 0 when it started."""
        start = before or Sample(name, self.started, 0.0, 0.0, 0.0, 0.0, 0.0, self.queued, busy_s=0.0, cpu_s=0.0)
        seconds = at - start.at
        completed = self.completed * seconds
        busy = self.busy * 4 if self.busy is not None else self.completed * self.service_s
        return Sample(
            replica=name,
            at=at,
            in_flight=self.in_flight,
            completed=start.completed + completed,
            failed=start.failed + self.failed * seconds,
            slow=(start.slow or 0.0) + self.slow * seconds,
            service_s=(start.service_s or 0.0) + completed * self.service_s,
            queued=None if self.queued is None else self.queued + self.queued_growth * (at - self.started),
            concurrency=self.concurrency,
            workers=4.0,
            busy_s=(start.busy_s or 0.0) + busy * seconds,
            cpu_s=(start.cpu_s or 0.0) + completed * self.cpu_s,
        )


def full(**other: float | None) -> Replica:
    """All threads are busy, 100 a second are completed, 20 wait."""
    return replace(Replica(completed=100, in_flight=4, queued=20, busy=1.0), **other)  # type: ignore[arg-type]


@dataclass
class Watched:
    """A service that is decided on every 5 s; `replicas` follow what was decided where `follows`."""

    spec: Spec = SPEC
    replicas: int = 1
    now: float = 0.0
    state: State = field(default_factory=State)
    follows: bool = False
    told: dict[str, Sample] = field(default_factory=dict)

    def samples(self, replicas: Sequence[Replica]) -> list[Sample]:
        """What they tell now."""
        names = [f"r{number}" for number in range(len(replicas))]
        return [one.sample(name, self.now, self.told.get(name)) for name, one in zip(names, replicas, strict=True)]

    def tick(self, replicas: Sequence[Replica], samples: Sequence[Sample] | None = None, **other: object) -> Decision:
        """One decision; all of `replicas` are ready, and tell what they do, or else what `samples` says."""
        told = self.samples(replicas)
        self.told = {one.replica: one for one in told}
        observed = Observed(self.replicas, frozenset(self.told), told if samples is None else samples)
        observed = replace(observed, **other)  # type: ignore[arg-type]
        decision, self.state = decide(self.spec, observed, self.state, self.now)
        if self.follows:
            self.replicas = decision.replicas
        self.now += TICK_S
        return decision

    def watch(self, seconds: float, replicas: Sequence[Replica], **other: object) -> Decision:
        """As many ticks as `seconds` have, at least one; the last decision."""
        for _ in range(max(1, round(seconds / TICK_S))):
            decision = self.tick(replicas, **other)  # type: ignore[arg-type]
        return decision
