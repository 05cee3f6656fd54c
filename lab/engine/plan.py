"""What a comparison is made of: what to compare, the world it happens in, and who dropped out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from lab.core.arms import Arm, arms, fullest, is_factor
from lab.core.autoscaling import Autoscaler
from lab.core.deployment import Service
from lab.core.manifest import Manifest
from lab.core.scenario import Scenario
from lab.core.stacks import Stack
from lab.core.telemetry import Mode, Telemetry
from lab.errors import LabError
from lab.ports import Cluster, ContractChecker, LoadGenerator, Observer, Runtime

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to compare. `roles` maps each role that the scenario needs to the operations asked of it.

    `telemetry` is one level for all, or several, which every stack is tried at. So it is under each of `autoscalers`,
    which a scenario whose load rises and falls has, and no other.
    """

    run: str
    scenario: Scenario
    stacks: tuple[Stack, ...]
    telemetry: tuple[Telemetry, ...]
    roles: Mapping[str, tuple[str, ...]]
    rung_s: float
    quick: bool
    seed: int
    autoscalers: tuple[Autoscaler, ...] = ()

    @property
    def arms(self) -> tuple[Arm, ...]:
        return arms(self.stacks, self.telemetry, self.autoscalers)

    @property
    def compares_telemetry(self) -> bool:
        return is_factor(self.telemetry)

    @property
    def checked_with(self) -> Telemetry:
        """What the contract is checked with: what tells most has the most that can break it, in every request."""
        return fullest(self.telemetry)

    @property
    def traces(self) -> bool:
        """Whether anything is traced, and so a receiver needed."""
        return self.checked_with.mode is Mode.OFFICIAL


@dataclass(frozen=True, slots=True)
class Ports:
    """The world. `fake_catalog_url` finds a free address; `write_token` makes a token for all of the shop's writes.

    `otlp_url` is the base URL that traces go to, empty where nothing is traced. `cluster` is the runtime, where it is a
    cluster: only the arm under trial has replicas there.
    """

    runtime: Runtime
    checker: ContractChecker
    generator: LoadGenerator
    observer: Observer
    fake_catalog_url: Callable[[], str]
    write_token: Callable[[], str]
    otlp_url: str = ""
    cluster: Cluster | None = None


def cluster_problems(scenario: Scenario, on_cluster: bool) -> list[str]:
    """Why the scenario can't be run where it is to run."""
    if scenario.experiment and not on_cluster:
        return [f"scenario {scenario.name} needs --runtime kind or kubernetes: it has {scenario.experiment.kind}"]
    return []


@dataclass(frozen=True, slots=True)
class Target:
    """An arm's services by role, those that others call first, ready for load; in a case of an experiment."""

    arm: Arm
    services: Mapping[str, Service]
    case: str = ""

    @property
    def name(self) -> str:
        return f"{self.arm.name}, {self.case}" if self.case else self.arm.name

    @property
    def subject(self) -> Service:
        """What an experiment is about: the service that calls the others."""
        return list(self.services.values())[-1]

    @property
    def subject_variant(self) -> Manifest:
        return self.arm.stack.players[list(self.services)[-1]]

    @property
    def first_answer_s(self) -> float | None:
        """Of the slowest; None where that is not known."""
        replicas = [replica for service in self.services.values() for replica in service.replicas]
        known = [seconds for replica in replicas if (seconds := replica.first_answer_s) is not None]
        return max(known) if replicas and len(known) == len(replicas) else None


class Failures:
    """Why something is not measured: a step that fails takes out what it was for, and the others go on."""

    def __init__(self, observer: Observer) -> None:
        self.reasons: dict[str, str] = {}
        self._observer = observer

    def attempt(self, name: str, step: Callable[[], T]) -> T | None:
        """What the step gives; None when it failed, which is noted and told."""
        try:
            return step()
        except LabError as error:
            self.failed(name, str(error))
            return None

    def failed(self, name: str, reason: str) -> None:
        self.reasons[name] = reason
        self._observer.failed(name, reason)
