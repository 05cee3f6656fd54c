"""What an HTTPAutoscaler asks for, read from the API's JSON; all its problems at once. Pure.

The resource's schema refuses most of them and fills in the defaults, which are those of `spec`; but a resource may be
older than its schema.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scaler.spec import Behavior, Mode, Objective, Spec, Target

GROUP = "autoscaling.frameworklab.dev"
VERSION = "v1alpha1"
KIND = "HTTPAutoscaler"
PLURAL = "httpautoscalers"

_QUANTITY = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(n|u|m|k|[MGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?")
_DECIMAL = {suffix: 1000.0**power for power, suffix in enumerate(("n", "u", "m", None, "k", *"MGTPE"), -3)}
_SUFFIXES = _DECIMAL | {f"{suffix}i": 1024.0**power for power, suffix in enumerate("KMGTPE", 1)}


class InvalidResourceError(ValueError):
    """A resource asks for what can't be; the message names each field and what is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))


@dataclass(frozen=True, slots=True)
class Reference:
    """A scale target in the resource's namespace: `api_version` as in `apps/v1`."""

    api_version: str
    kind: str
    name: str

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Source:
    """Where samples come from: `port`, a container port's name or number, and `path` of each ready pod.

    Or, where `prometheus` is its address, Prometheus, of what it last scraped from them.
    """

    port: str | int = "metrics"
    path: str = "/metrics"
    prometheus: str | None = None


@dataclass(frozen=True, slots=True)
class Autoscaler:
    namespace: str
    name: str
    generation: int
    target: Reference
    spec: Spec
    source: Source


def autoscaler(body: Mapping[str, Any]) -> Autoscaler:
    """InvalidResourceError where the resource asks for what can't be."""
    metadata = body["metadata"]
    problems: list[str] = []
    spec = _Fields(body.get("spec"), "spec", problems)
    target = spec.inside("scaleTargetRef")
    wanted, slo, metrics = spec.inside("target"), spec.inside("slo"), spec.inside("metrics")
    least = spec.whole("minReplicas", 1, at_least=1)
    found = Autoscaler(
        namespace=metadata["namespace"],
        name=metadata["name"],
        generation=metadata.get("generation", 0),
        target=Reference(*(target.text(name) for name in ("apiVersion", "kind", "name"))),
        spec=Spec(
            max_replicas=spec.whole("maxReplicas", None, at_least=least),
            min_replicas=least,
            target=Target(
                utilization=wanted.number("utilizationPercent", 100 * Target().utilization, above=0, at_most=100) / 100,
                concurrency=wanted.number("concurrency", None, at_least=1) if "concurrency" in wanted else None,
                cpu=wanted.quantity("cpu") if "cpu" in wanted else None,
            ),
            objective=Objective(
                latency_s=slo.number("latencyMilliseconds", 1000 * Objective().latency_s, above=0) / 1000,
                share=slo.number("objectivePercent", 100 * Objective().share, above=0, at_most=100) / 100,
            ),
            behavior=_behavior(spec.inside("behavior")),
            mode=Mode(spec.text("mode", Mode.ACTIVE, one_of=list(Mode))),
        ),
        source=_source(metrics),
    )
    if problems:
        raise InvalidResourceError(problems)
    return found


def quantity(value: str | int | float) -> float:
    """A quantity of the Kubernetes API, such as `250m`, `0.5` or `2`; ValueError for anything else."""
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        raise ValueError(f"{value!r} is not a quantity")
    number, suffix = match.groups()
    return float(number) * _SUFFIXES[suffix] if suffix in _SUFFIXES else float(f"{number}{suffix}")


def _behavior(behavior: _Fields) -> Behavior:
    own = Behavior()
    up, down = behavior.inside("scaleUp"), behavior.inside("scaleDown")
    short = behavior.number("shortWindowSeconds", own.short_window_s, above=0)
    return Behavior(
        short_window_s=short,
        long_window_s=behavior.number("longWindowSeconds", own.long_window_s, at_least=short),
        drain_s=behavior.number("drainSeconds", own.drain_s, above=0),
        tolerance=behavior.number("tolerancePercent", 100 * own.tolerance, at_least=0) / 100,
        up_share=up.number("maxPercent", 100 * own.up_share, above=0) / 100,
        down_share=down.number("maxPercent", 100 * own.down_share, above=0, at_most=100) / 100,
        hold_s=down.number("holdSeconds", own.hold_s, at_least=0),
        stale_s=behavior.number("staleSeconds", own.stale_s, above=0),
    )


def _source(metrics: _Fields) -> Source:
    port = metrics.get("port", Source().port)
    address = None
    if metrics.text("source", "Pods", one_of=["Pods", "Prometheus"]) == "Prometheus":
        address = metrics.inside("prometheus").text("address").rstrip("/")
    return Source(int(port) if str(port).isdigit() else str(port), metrics.text("path", Source().path), address)


@dataclass(frozen=True, slots=True)
class _Fields:
    """The fields of an object at `path`. What is wrong is added to `problems`, and something sound is taken for it."""

    content: Any
    path: str
    problems: list[str] = field(repr=False)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def get(self, name: str, default: Any = None) -> Any:
        found = self.content.get(name) if isinstance(self.content, Mapping) else None
        return default if found is None else found

    def inside(self, name: str) -> _Fields:
        return _Fields(self.get(name), f"{self.path}.{name}", self.problems)

    def text(self, name: str, default: str | None = None, one_of: list[str] | None = None) -> str:
        value = self.get(name, default)
        if value is None:
            self._problem(name, "missing")
        elif not isinstance(value, str) or not value:
            self._problem(name, f"{value!r} is not a text")
        elif one_of and value not in one_of:
            self._problem(name, f"{value!r} is none of {', '.join(one_of)}")
        else:
            return value
        return default or ""

    def number(
        self,
        name: str,
        default: float | None,
        *,
        at_least: float = -math.inf,
        above: float = -math.inf,
        at_most: float = math.inf,
    ) -> float:
        value = self.get(name, default)
        if value is None:
            self._problem(name, "missing")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self._problem(name, f"{value!r} is not a number")
        elif value < at_least:
            self._problem(name, f"{value:g} is below {at_least:g}")
        elif value <= above:
            self._problem(name, f"{value:g} is not above {above:g}")
        elif value > at_most:
            self._problem(name, f"{value:g} is above {at_most:g}")
        else:
            return value
        return default or 1

    def whole(self, name: str, default: int | None, *, at_least: float) -> int:
        value = self.number(name, default, at_least=at_least)
        if value != int(value):
            self._problem(name, f"{value:g} is not a whole number")
        return int(value)

    def quantity(self, name: str) -> float | None:
        try:
            value = quantity(self.get(name))
        except ValueError as error:
            self._problem(name, f"{error}; for example 500m")
            return None
        if value <= 0:
            self._problem(name, f"{self.get(name)!r} is not above 0")
        return value

    def _problem(self, name: str, what: str) -> None:
        self.problems.append(f"{self.path}.{name}: {what}")
