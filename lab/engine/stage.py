"""Which target has replicas. On a cluster only the one under trial: the others would take its room and its CPU."""

from __future__ import annotations

from functools import partial

from lab.engine.plan import Failures, Target
from lab.ports import Cluster


class Stage:
    """Without a cluster every target has replicas all the time, and is cold the first time that it enters."""

    def __init__(self, cluster: Cluster | None, failures: Failures) -> None:
        self._cluster = cluster
        self._failures = failures
        self._on: Target | None = None
        self._warm: set[str] = set()

    def enter(self, target: Target, replicas: int = 1) -> bool:
        """Returns when so many replicas of its subject are ready, and of what that calls: whether they are cold.

        With 0 replicas of the subject, which it has off stage, there is one of each other service.
        """
        if not self._cluster:
            cold = target.name not in self._warm
            self._warm.add(target.name)
            return cold
        cold = self._on is not target
        if cold:
            self.clear()
            self._on = target
        for service in target.services.values():
            if wanted := replicas if service is target.subject else max(1, replicas):
                self._cluster.scale(service.name, wanted)
        return cold

    def clear(self) -> None:
        """Takes away the replicas of whoever is on stage; an arm whose replicas don't end drops out for it."""
        if self._cluster and self._on:
            leaving, self._on = self._on, None
            for service in leaving.services.values():
                self._failures.attempt(leaving.arm.name, partial(self._cluster.scale, service.name, 0))
