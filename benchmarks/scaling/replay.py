"""A load of steps on a simulated service, and how many replicas it has meanwhile: to be held against a real one."""

from __future__ import annotations

from collections.abc import Sequence

from scaler.spec import Objective

from benchmarks.scaling.arms import Arm
from benchmarks.scaling.service import STEP_S, STEPS_PER_S, Cluster, Service
from lab.core.autoscaling import Size, since
from lab.core.schedule import Step


def replayed(service: Service, arm: Arm, steps: Sequence[Step], objective: Objective, seed: str) -> tuple[Size, ...]:
    """From one replica on; requests arrive evenly, as the lab sends them, and differ in nothing."""
    cluster = Cluster(service, 1, objective, seed)
    sizes = [_size(cluster)]
    for step in steps:
        for _ in range(round(step.duration_s)):
            for _ in range(STEPS_PER_S):
                cluster.step(step.rate_per_s * STEP_S)
            arm.second(cluster)
            sizes.append(_size(cluster))
    return since(sizes, 0.0, cluster.now)


def _size(cluster: Cluster) -> Size:
    return Size(cluster.now, cluster.asked_for, len(cluster.lasting), len(cluster.ready))
