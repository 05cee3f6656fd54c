"""What a scenario does to a service on a cluster, beside sending it requests: its section of the YAML. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lab.core.deployment import SMALL, Resources
from lab.core.schedule import Step


class Kind(StrEnum):
    """By the name of its section."""

    ROLLOUT = "rollout"  # every replica is replaced, as an update does
    PODKILL = "podkill"  # one replica is killed
    DRAIN = "drain"  # one replica is evicted, as draining its node does
    COLDSTART = "coldstart"  # a replica starts where there was none
    THROTTLE = "throttle"  # one rate under several CPU limits
    FOOTPRINT = "footprint"  # one replica at rest, then under load
    SCALEOUT = "scaleout"  # the load of one replica becomes that of several, and falls again


@dataclass(frozen=True, slots=True)
class Experiment:
    """Done to every arm `repeats` times, in a quick run `quick_repeats` times; seconds that a kind has not are 0.

    Something happens `before_s` after the begin of a load of `load_s`, and is over `after_s` before its end at the
    latest. `rest_s` without a request come before a load. `limits_m` of CPU are in thousandths of a core. Between
    `before_s` and `after_s` the load is `peak_per_s`, where that is not 0; `max_replicas` and `hold_s` are those of
    `Autoscaling`.
    """

    kind: Kind
    repeats: int
    quick_repeats: int
    replicas: int = 1
    before_s: float = 0
    load_s: float = 0
    after_s: float = 0
    rest_s: float = 0
    limits_m: tuple[int, ...] = ()
    peak_per_s: float = 0
    max_replicas: int = 1
    hold_s: float | None = None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Experiment | None:
        """Of a scenario that has passed its schema and has one such section at most."""
        for kind in Kind:
            if kind in document:
                section = document[kind]
                return cls(**{**section, "kind": kind, "limits_m": tuple(section.get("limits_m", ()))})
        return None

    @property
    def falls_s(self) -> float:
        """When the load is no longer `peak_per_s`, in seconds from its begin."""
        return self.load_s - self.after_s

    def steps(self, rate_per_s: float) -> tuple[Step, ...]:
        """The load before, at and after its peak; empty where it has none."""
        if not self.peak_per_s:
            return ()
        return (
            Step(rate_per_s, self.before_s),
            Step(self.peak_per_s, self.falls_s - self.before_s),
            Step(rate_per_s, self.after_s),
        )

    @property
    def cases(self) -> Mapping[str, Resources]:
        """What each arm is tried with, by the name in results; empty where there is nothing to tell apart.

        Whatever the limit, the same CPU is set aside, so that nothing else differs.
        """
        return {
            f"{limit_m}m": Resources(limit_m, SMALL.memory_mib, min(limit_m, SMALL.cpu_m)) for limit_m in self.limits_m
        } or {"": SMALL}


def problems(document: Mapping[str, Any], roles: set[str]) -> list[str]:
    """What the schema can't see in a scenario's document; `roles` are those that its requests go to."""
    kinds = [kind for kind in Kind if kind in document]
    if not kinds:
        return []
    if len(kinds) > 1:
        return [f"{', '.join(kinds)}: a scenario has one of them at most"]
    kind, section = kinds[0], document[kinds[0]]
    found = []
    if "beside" in document:
        found.append(f"beside: has no place in a scenario with {kind}")
    if "streams" in document["workload"]:
        found.append(f"workload.streams: has no place in a scenario with {kind}")
    if len(roles) > 1:
        found.append(f"workload.requests: {kind} is about one role; these go to {' and '.join(sorted(roles))}")
    around_s = section.get("before_s", 0) + section.get("after_s", 0)
    if around_s and section["load_s"] <= around_s:
        found.append(f"{kind}.load_s: {section['load_s']:g} leaves nothing between before_s and after_s")
    rate_per_s = document["workload"].get("rate_per_s", 0)
    if kind is Kind.SCALEOUT and section["peak_per_s"] <= rate_per_s:
        found.append(f"{kind}.peak_per_s: {section['peak_per_s']:g} is not above workload.rate_per_s, {rate_per_s:g}")
    return found
