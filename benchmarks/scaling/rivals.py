"""The autoscalers to compare with, after what upstream documents: the HPA on CPU, and KEDA, which feeds an HPA.

Sources, by the names that the tests cite:
- HPA: https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
- CALCULATOR, CONTROLLER: kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go, horizontal.go
- METRICS: kubernetes-sigs/metrics-server FAQ.md; CPU is a rate between two of the kubelet's samples
- KEDA: https://keda.sh/docs/latest/reference/scaledobject-spec/, https://keda.sh/docs/latest/scalers/prometheus/
- PROMETHEUS: prometheus/prometheus promql/functions.go, extrapolatedRate
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

SYNC_S = 15  # --horizontal-pod-autoscaler-sync-period
TOLERANCE = 0.1  # --horizontal-pod-autoscaler-tolerance
INITIALIZATION_S = 300.0  # --horizontal-pod-autoscaler-cpu-initialization-period
INITIAL_READINESS_S = 30.0  # --horizontal-pod-autoscaler-initial-readiness-delay


class Unit(StrEnum):
    PODS = "Pods"
    PERCENT = "Percent"


@dataclass(frozen=True, slots=True)
class Policy:
    unit: Unit
    value: int
    period_s: float


@dataclass(frozen=True, slots=True)
class Rules:
    """Of one direction; of several policies the one counts that allows most."""

    policies: tuple[Policy, ...]
    stabilization_s: float


@dataclass(frozen=True, slots=True)
class Behavior:
    """The defaults are those of the API."""

    up: Rules = Rules((Policy(Unit.PERCENT, 100, 15), Policy(Unit.PODS, 4, 15)), 0)
    down: Rules = Rules((Policy(Unit.PERCENT, 100, 15),), 300)


@dataclass(frozen=True, slots=True)
class Usage:
    """Cores that a pod used over the `window_s` before `at`."""

    cores: float
    at: float
    window_s: float


@dataclass(frozen=True, slots=True)
class Pod:
    """`changed` is when it became ready or, before that, was created; None: no metrics yet."""

    started: float
    changed: float
    ready: bool = True
    pending: bool = False
    usage: Usage | None = None


def cpu_replicas(pods: Sequence[Pod], current: int, request: float, target_percent: int, now: float) -> int:
    """What a target of average CPU utilization asks for; `request` is a pod's, in cores."""

    def ratio_of(used: Sequence[float]) -> float:
        return math.floor(round(100 * sum(used) / (len(used) * request), 6)) / target_percent

    ignored = sum(pod.pending or (pod.usage is not None and _ignored(pod, pod.usage, now)) for pod in pods)
    missing = sum(not pod.pending and pod.usage is None for pod in pods)
    used = [pod.usage.cores for pod in pods if pod.usage and not pod.pending and not _ignored(pod, pod.usage, now)]
    if not used:
        return current
    ratio = ratio_of(used)
    unready = ignored if ratio > 1 else 0
    if not unready and not missing:
        return current if abs(1 - ratio) <= TOLERANCE else _ceil(ratio * len(used))
    # Who tells nothing uses nothing when it would be more, all of its request when it would be less.
    used += [0.0 if ratio > 1 else request] * (missing if ratio != 1 else 0) + [0.0] * unready
    again = ratio_of(used)
    if abs(1 - again) <= TOLERANCE or (ratio < 1) != (again < 1):
        return current
    replicas = _ceil(again * len(used))
    turned = replicas > current if again < 1 else replicas < current
    return current if turned else replicas


def _ignored(pod: Pod, usage: Usage, now: float) -> bool:
    if pod.started + INITIALIZATION_S > now:
        return not pod.ready or usage.at < pod.changed + usage.window_s
    return not pod.ready and pod.started + INITIAL_READINESS_S > pod.changed


def external_replicas(value: float, current: int, target: float) -> int:
    """What an external metric with a target of type AverageValue asks for, as KEDA's scalers have it."""
    return current if abs(1 - value / (target * current)) <= TOLERANCE else _ceil(value / target)


@dataclass
class Hpa:
    """What a controller remembers of one resource, and what it makes of recommendations."""

    behavior: Behavior = field(default_factory=Behavior)
    min_replicas: int = 1
    max_replicas: int = 20
    _recommended: list[tuple[float, int]] = field(default_factory=list)
    _changes: list[tuple[float, int]] = field(default_factory=list)

    def scaled(self, current: int, recommended: int, now: float) -> int:
        """Replicas from now on: stabilized, then limited by the policies and the bounds."""
        if not self._recommended:
            self._recommended = [(now, current)]
        wanted = self._stabilized(current, recommended, now)
        most = min(self.max_replicas, max(current, self._most(current, now)))
        least = max(self.min_replicas, min(current, self._least(current, now)))
        replicas = min(max(wanted, least), most)
        if replicas != current:
            self._changes.append((now, replicas - current))
        return replicas

    def _stabilized(self, current: int, recommended: int, now: float) -> int:
        up = recommended >= current
        window_s = (self.behavior.up if up else self.behavior.down).stabilization_s
        recent = [replicas for at, replicas in self._recommended if at > now - window_s]
        longest_s = max(self.behavior.up.stabilization_s, self.behavior.down.stabilization_s)
        self._recommended = [one for one in self._recommended if one[0] >= now - longest_s]
        self._recommended.append((now, recommended))
        return min([recommended, *recent]) if up else max([recommended, *recent])

    def _most(self, current: int, now: float) -> int:
        limits = []
        for policy in self.behavior.up.policies:
            start = current - sum(max(0, change) for at, change in self._changes if at > now - policy.period_s)
            grown = start + policy.value if policy.unit is Unit.PODS else _ceil(start * (1 + policy.value / 100))
            limits.append(grown)
        return max(limits)

    def _least(self, current: int, now: float) -> int:
        limits = []
        for policy in self.behavior.down.policies:
            start = current + sum(max(0, -change) for at, change in self._changes if at > now - policy.period_s)
            left = start - policy.value if policy.unit is Unit.PODS else int(start * (1 - policy.value / 100))
            limits.append(left)
        return min(limits)


def rate(samples: Sequence[tuple[float, float]], now: float, window_s: float) -> float:
    """PromQL's rate() of one counter that never went back, of (time, value); 0 with fewer than two in the window."""
    inside = [one for one in samples if now - window_s < one[0] <= now]
    if len(inside) < 2:
        return 0.0
    (first, low), (last, high) = inside[0], inside[-1]
    between = (last - first) / (len(inside) - 1)
    before, after = first - (now - window_s), now - last
    if before >= 1.1 * between:
        before = between / 2
    if high > low and low >= 0:
        before = min(before, (last - first) * low / (high - low))
    if after >= 1.1 * between:
        after = between / 2
    return (high - low) * (last - first + before + after) / (last - first) / window_s


def average(samples: Sequence[tuple[float, float]], now: float, window_s: float) -> float:
    """PromQL's avg_over_time() of one gauge; 0 where there is none in the window."""
    inside = [value for at, value in samples if now - window_s < at <= now]
    return sum(inside) / len(inside) if inside else 0.0


class Signal(StrEnum):
    ARRIVED = "arrived"  # sum(rate(nginx_ingress_controller_requests[WINDOW])), where there is an ingress that tells
    COMPLETED = "completed"  # sum(rate(http_server_request_duration_seconds_count[WINDOW]))
    UNDER_WAY = "under way"  # sum(avg_over_time(http_server_active_requests[WINDOW])), and of the queue's length


@dataclass(frozen=True, slots=True)
class Trigger:
    """Of type `prometheus`; `threshold` is for each replica."""

    signal: Signal
    window_s: float
    threshold: float

    def value(self, series: Mapping[Signal, Sequence[Sequence[tuple[float, float]]]], now: float) -> float:
        over = average if self.signal is Signal.UNDER_WAY else rate
        return sum(over(one, now, self.window_s) for one in series[self.signal])


def _ceil(value: float) -> int:
    """Kubernetes computes in whole thousandths of a metric and whole percents, where 3.0000000001 is 3."""
    return math.ceil(round(value, 6))
