"""What there is to scale, and what stands beside it, from the API's JSON: pods, selectors, claims to a target. Pure.

Of each object only what a decision needs is kept, since all pods of a cluster may be in memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scaler.demand import Observed
from scaler.resource import GROUP, KIND, PLURAL, VERSION, Reference, Source, quantity
from scaler.samples import Sample
from scaler.spec import Mode

ANY = ("", "")  # beside the labels, what every pod of a namespace is found by
STARTING = {"ContainerCreating", "PodInitializing"}  # a container that waits for anything else will not serve soon
TEMPLATES = ("pod-template-hash", "controller-revision-hash", "rollouts-pod-template-hash")

PodKey = tuple[str, str, str]  # namespace, and a label with its value
TargetKey = tuple[str, str, str, str]  # namespace, group, kind, name

_REQUIREMENT = re.compile(
    r"\s*(?:(?P<absent>!)\s*(?P<no>[\w./-]+)"
    r"|(?P<key>[\w./-]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^)]*)\)"
    r"|(?P<name>[\w./-]+)\s*(?:(?P<sign>==|!=|=)\s*(?P<value>[\w.-]*))?)\s*(?:,|$)"
)


class UnknownSelectorError(ValueError):
    """A scale subresource tells its pods by a selector that is none."""


UNSCHEDULABLE = "Unschedulable"  # a pod's condition


@dataclass(frozen=True, slots=True)
class Container:
    """`cpu` is its limit in cores, None without one."""

    ports: Mapping[str, int]
    cpu: float | None


@dataclass(frozen=True, slots=True)
class Pod:
    """`template` tells pods of different revisions apart; `stuck` is why a container of it can't start, or empty."""

    uid: str
    name: str
    address: str
    labels: Mapping[str, str]
    template: str
    ready: bool
    leaving: bool
    unschedulable: bool
    stuck: str
    containers: tuple[Container, ...]

    @property
    def waits(self) -> str:
        """Why it does not start, as Kubernetes calls it; empty where nothing keeps it."""
        return self.stuck or (UNSCHEDULABLE if self.unschedulable else "")

    def port(self, port: str | int) -> int | None:
        """The number of a container port by its name; a number is one already. None where no port has the name."""
        if isinstance(port, int):
            return port
        return next((one.ports[port] for one in self.containers if port in one.ports), None)

    def cpu(self, port: str | int) -> float | None:
        """The CPU limit of the container that has the port, or else of the first."""
        own = [one for one in self.containers if port in one.ports or port in one.ports.values()]
        return next((one.cpu for one in (*own, *self.containers)), None)


@dataclass(frozen=True, slots=True)
class Selector:
    """Labels that pods have, and `requirements` as (label, operator, values)."""

    labels: Mapping[str, str] = field(default_factory=dict)
    requirements: tuple[tuple[str, str, frozenset[str]], ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        own = self.labels.items() <= labels.items()
        return own and all(_meets(labels, *requirement) for requirement in self.requirements)

    def __str__(self) -> str:
        signs = {"In": "in", "NotIn": "notin"}
        parts = [f"{key}={value}" for key, value in self.labels.items()]
        for key, operator, values in self.requirements:
            if operator in signs:
                parts.append(f"{key} {signs[operator]} ({','.join(sorted(values))})")
            else:
                parts.append(key if operator == "Exists" else f"!{key}")
        return ",".join(parts)


@dataclass(frozen=True, slots=True)
class Scale:
    """What a target was asked for, at which version of it, and the pods that are its own."""

    replicas: int
    version: str
    selector: Selector


@dataclass(frozen=True, slots=True)
class Claim:
    """An autoscaler of a target. `path` is its address in the API, `since` when it was made, `title` names it.

    `ours` is an HTTPAutoscaler. One that is not `active` changes nothing.
    """

    uid: str
    path: str
    since: str
    title: str
    ours: bool
    active: bool = True


def pod(body: Mapping[str, Any]) -> Pod | None:
    """None for a pod that has ended."""
    metadata, spec, status = body["metadata"], body.get("spec", {}), body.get("status", {})
    if status.get("phase") in ("Succeeded", "Failed"):
        return None
    labels = dict(metadata.get("labels") or {})
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    scheduled = conditions.get("PodScheduled", {})
    states = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    waiting = [((one.get("state") or {}).get("waiting") or {}).get("reason", "") for one in states]
    return Pod(
        uid=metadata.get("uid") or metadata["name"],
        name=metadata["name"],
        address=status.get("podIP") or "",
        labels=labels,
        template=next((labels[name] for name in TEMPLATES if name in labels), ""),
        ready=conditions.get("Ready", {}).get("status") == "True",
        leaving="deletionTimestamp" in metadata,
        unschedulable=scheduled.get("status") == "False" and scheduled.get("reason") == UNSCHEDULABLE,
        stuck=next((reason for reason in waiting if reason and reason not in STARTING), ""),
        containers=tuple(_container(one) for one in spec.get("containers") or ()),
    )


def pod_keys(namespace: str, found: Pod) -> list[PodKey]:
    return [(namespace, *label) for label in (*found.labels.items(), ANY)]


def selected(index: Mapping[PodKey, Collection[Pod]], namespace: str, selector: Selector) -> list[Pod]:
    """The pods of a selector, from the smallest of the collections that its labels point to."""
    labels = list(selector.labels.items()) or [ANY]
    pods: Collection[Pod] = min((index.get((namespace, *label), ()) for label in labels), key=len)
    return [one for one in pods if selector.matches(one.labels)]


def workload(body: Mapping[str, Any]) -> Scale:
    """The scale of a Deployment or StatefulSet, whose own version is the one of its scale."""
    spec = body["spec"]
    return Scale(spec.get("replicas", 1), body["metadata"].get("resourceVersion", ""), _selector(spec["selector"]))


def scale(body: Mapping[str, Any]) -> Scale:
    """Of a scale subresource; UnknownSelectorError where its pods can't be told."""
    text = body.get("status", {}).get("selector", "")
    return Scale(body.get("spec", {}).get("replicas", 0), body["metadata"].get("resourceVersion", ""), parsed(text))


def parsed(text: str) -> Selector:
    """A selector as the API writes it; UnknownSelectorError where it is none."""
    labels: dict[str, str] = {}
    requirements = []
    at = 0
    while at < len(text):
        match = _REQUIREMENT.match(text, at)
        if match is None or match.end() == at:
            raise UnknownSelectorError(f"{text!r} is not a selector of labels")
        part, at = match.groupdict(), match.end()
        if part["absent"]:
            requirements.append((part["no"], "DoesNotExist", frozenset[str]()))
        elif part["key"]:
            values = frozenset(value.strip() for value in part["values"].split(","))
            requirements.append((part["key"], "In" if part["operator"] == "in" else "NotIn", values))
        elif part["sign"] == "!=":
            requirements.append((part["name"], "NotIn", frozenset({part["value"]})))
        elif part["sign"]:
            labels[part["name"]] = part["value"]
        else:
            requirements.append((part["name"], "Exists", frozenset[str]()))
    if not labels and not requirements:
        raise UnknownSelectorError("no selector of labels; its pods can't be told from others")
    return Selector(labels, tuple(requirements))


def target_key(namespace: str, reference: Mapping[str, Any]) -> TargetKey:
    """By group rather than by version, since one object is served in several."""
    group = str(reference.get("apiVersion", "")).rpartition("/")[0]
    return (namespace, group, str(reference.get("kind", "")), str(reference.get("name", "")))


def key_of(namespace: str, reference: Reference) -> TargetKey:
    return (namespace, reference.group, reference.kind, reference.name)


def horizontal(body: Mapping[str, Any]) -> Claim:
    """An HPA's; it names KEDA where KEDA made it."""
    metadata = body["metadata"]
    made = (metadata.get("labels") or {}).get("scaledobject.keda.sh/name")
    name = f"HorizontalPodAutoscaler {metadata['name']}"
    path = f"/apis/autoscaling/v2/namespaces/{metadata['namespace']}/horizontalpodautoscalers/{metadata['name']}"
    return Claim(
        uid=metadata.get("uid", ""),
        path=path,
        since=metadata.get("creationTimestamp", ""),
        title=f"KEDA's ScaledObject {made} ({name})" if made else name,
        ours=False,
    )


def own_claim(body: Mapping[str, Any]) -> Claim:
    """An HTTPAutoscaler's; one that is paused or only tries changes nothing."""
    metadata = body["metadata"]
    return Claim(
        uid=metadata.get("uid", ""),
        path=f"/apis/{GROUP}/{VERSION}/namespaces/{metadata['namespace']}/{PLURAL}/{metadata['name']}",
        since=metadata.get("creationTimestamp", ""),
        title=f"{KIND} {metadata['name']}",
        ours=True,
        active=body.get("spec", {}).get("mode", Mode.ACTIVE) == Mode.ACTIVE,
    )


def rival(own: Claim, claims: Iterable[Claim]) -> Claim | None:
    """Who else scales the target. Of two HTTPAutoscalers the older one goes on, so that a mistake stops nothing."""

    def before(one: Claim) -> bool:
        return not one.ours or (one.since, one.path) < (own.since, own.path)

    others = [one for one in claims if one.active and one.path != own.path and before(one)]
    return min(others, key=lambda one: (one.since, one.path)) if own.active and others else None


def observed(
    found: Scale, pods: Sequence[Pod], samples: Sequence[Sample], source: Source, conflict: Claim | None
) -> Observed:
    """Samples are told apart by the uid of their pod: a StatefulSet's next pod has the name of the last."""
    staying = [one for one in pods if not one.leaving]
    limits = [limit for one in staying if (limit := one.cpu(source.port)) is not None]
    return Observed(
        replicas=found.replicas,
        ready=frozenset(one.uid for one in staying if one.ready),
        samples=samples,
        cpu_limit=min(limits, default=None),
        unschedulable=sum(one.unschedulable for one in staying),
        crashing=sum(bool(one.stuck) for one in staying),
        rolling_out=len({one.template for one in staying}) > 1,
        conflict=conflict.title if conflict else "",
    )


def _container(body: Mapping[str, Any]) -> Container:
    limit = ((body.get("resources") or {}).get("limits") or {}).get("cpu")
    ports = {one.get("name") or str(one["containerPort"]): one["containerPort"] for one in body.get("ports") or ()}
    return Container(ports, None if limit is None else quantity(limit))


def _selector(body: Mapping[str, Any]) -> Selector:
    expressions = body.get("matchExpressions") or ()
    return Selector(
        dict(body.get("matchLabels") or {}),
        tuple((one["key"], one["operator"], frozenset(one.get("values") or ())) for one in expressions),
    )


def _meets(labels: Mapping[str, str], key: str, operator: str, values: frozenset[str]) -> bool:
    rules: Mapping[str, Callable[[], bool]] = {
        "In": lambda: labels.get(key) in values,
        "NotIn": lambda: labels.get(key) not in values,
        "Exists": lambda: key in labels,
        "DoesNotExist": lambda: key not in labels,
    }
    return rules[operator]()
