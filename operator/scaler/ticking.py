"""One tick of a resource: what is there, what is decided on it, and what comes of that.

Whatever goes wrong in a tick leaves the target as it is, and is told as a decision that says why.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from scaler.cluster import Cluster, ClusterError, ConflictError, NotFoundError
from scaler.decision import Decision, Reason, decide
from scaler.demand import State
from scaler.metrics import Metrics
from scaler.resource import GROUP, PLURAL, VERSION, Autoscaler, InvalidResourceError, autoscaler
from scaler.scraping import Scraped, Scraper
from scaler.spec import Mode, Spec
from scaler.status import differs, status
from scaler.targets import (
    Claim,
    Pod,
    PodKey,
    Scale,
    TargetKey,
    key_of,
    observed,
    own_claim,
    rival,
    scale,
    selected,
)

TOLD_AGAIN_S = 60.0
LOOKED_AGAIN_S = 30.0
WATCHED = {("apps", "Deployment"): "deployments", ("apps", "StatefulSet"): "statefulsets"}  # whose scale is in an index

_INTENDED = {"Scaling", "DryRun", Reason.PAUSED, Reason.SUSPENDED}  # reasons of the condition Ready
_TROUBLES = {
    Reason.FAILING,
    Reason.DEPENDENCY_SATURATED,
    Reason.CRASHING,
    Reason.UNSCHEDULABLE,
    Reason.PINNED,
    Reason.DEPENDENCY_SLOW,
}  # which the operator sees and can't mend

Log = logging.Logger | logging.LoggerAdapter[Any]
Announce = Callable[[str, str, str], None]  # an event of the resource: its type, reason and message


class TargetMissingError(Exception):
    """There is nothing to scale; the message names what."""


@dataclass(frozen=True, slots=True)
class Indexes:
    """What Kopf watches: pods by their labels, scales and claims by their target."""

    pods: Mapping[PodKey, Collection[Pod]]
    scales: Mapping[TargetKey, Collection[Scale]]
    claims: Mapping[TargetKey, Collection[Claim]]


@dataclass(slots=True)
class Memory:
    """Of one resource from tick to tick: the decision's state, what it asked for last, and its status, told when.

    `first` is before the first tick is told of.
    `gone` are uids of pods and of claims that are no more though an index has them: Kopf hears of no deletion that
    happens while its watch is interrupted for long. So what is in doubt is looked up in the API; last at `looked_at`.
    """

    state: State = field(default_factory=State)
    spec: Spec = field(default_factory=lambda: Spec(max_replicas=1))
    status: Mapping[str, Any] | None = None
    first: bool = True
    told_at: float = float("-inf")
    looked_at: float = float("-inf")
    gone: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ticker:
    """`clock` tells the seconds that decisions go by, `now` the time of day in UTC, which people read."""

    cluster: Cluster
    scraper: Scraper
    metrics: Metrics
    clock: Callable[[], float]
    now: Callable[[], datetime]

    async def tick(
        self,
        body: Mapping[str, Any],
        memory: Memory,
        indexes: Indexes,
        announce: Announce,
        log: Log,
    ) -> None:
        before = memory.status if memory.status is not None else body.get("status") or {}
        current = before.get("currentReplicas", 0)
        try:
            resource = autoscaler(body)
            memory.spec = resource.spec
            current, decision = await self._decided(resource, own_claim(body), memory, indexes)
        except TargetMissingError as error:
            decision = Decision(current, Reason.TARGET_NOT_FOUND, str(error))
        except (ClusterError, InvalidResourceError) as error:
            decision = Decision(current, Reason.TICK_FAILED, f"{current} stay: {error}")
        except Exception as error:
            log.exception("A tick failed")
            decision = Decision(current, Reason.TICK_FAILED, f"{current} stay: {type(error).__name__}: {error}")
        try:
            await self._tell(body, before, current, decision, memory, announce, log)
        except Exception:
            log.exception("What was decided can't be told")
            decision = replace(decision, reason=Reason.TICK_FAILED)
            memory.status = memory.status or {}  # a stored status that can't be read is written anew
        self.metrics.decided(body["metadata"]["namespace"], body["metadata"]["name"], current, decision)

    async def _decided(
        self, resource: Autoscaler, own: Claim, memory: Memory, indexes: Indexes
    ) -> tuple[int, Decision]:
        """The replicas that were asked for until now, and what is decided on them and was applied."""
        path, found = await self._scale(resource, indexes)
        other = await self._rival(resource, own, memory, indexes)
        pods: Sequence[Pod] = []
        scraped = Scraped()
        if resource.spec.mode is not Mode.PAUSED and not other:
            pods = [
                one for one in selected(indexes.pods, resource.namespace, found.selector) if one.uid not in memory.gone
            ]
            scraped = await self._scraped(resource, pods)
            pods = await self._confirmed(resource, found, pods, scraped, memory)
        waiting = [one.waits for one in pods if one.waits and not one.leaving]
        self.metrics.waits(resource.namespace, resource.name, waiting)
        seen = observed(found, pods, scraped.samples, resource.source, other)
        decision, memory.state = decide(resource.spec, seen, memory.state, self.clock())
        if decision.reason is Reason.NO_DATA and scraped.failures:
            decision = replace(decision, sentence=f"{decision.sentence} ({scraped.failures[0].message})")
        if decision.replicas != found.replicas and resource.spec.mode is Mode.ACTIVE:
            return await self._applied(path, found, decision)
        return found.replicas, decision

    async def _scale(self, resource: Autoscaler, indexes: Indexes) -> tuple[str, Scale]:
        """Where the target's scale is, and what it says."""
        target = resource.target
        plural = WATCHED.get((target.group, target.kind))
        if plural:
            scales = indexes.scales.get(key_of(resource.namespace, target))
            if not scales:
                raise TargetMissingError(f"there is no {target} in the namespace")
            path = f"/apis/apps/v1/namespaces/{resource.namespace}/{plural}/{target.name}/scale"
            # Of a target that was made anew while its watch was interrupted, the index has the one before, too.
            return path, next(iter(scales)) if len(scales) == 1 else scale(await self.cluster.get(path))
        try:
            path = await self.cluster.scale_path(resource.namespace, target.api_version, target.kind, target.name)
            return path, scale(await self.cluster.get(path))
        except NotFoundError as error:
            raise TargetMissingError(f"{target} can't be found: {error}") from error

    async def _rival(self, resource: Autoscaler, own: Claim, memory: Memory, indexes: Indexes) -> Claim | None:
        claims = indexes.claims.get(key_of(resource.namespace, resource.target), ())
        other = rival(own, (one for one in claims if one.uid not in memory.gone))
        if other and self._may_look(memory):
            try:
                await self.cluster.get(other.path)
            except NotFoundError:
                memory.gone |= {other.uid}
                return rival(own, (one for one in claims if one.uid not in memory.gone))
            except ClusterError:
                pass  # then the index is all that is known
        return other

    async def _scraped(self, resource: Autoscaler, pods: Sequence[Pod]) -> Scraped:
        ready = [one for one in pods if one.ready and not one.leaving]
        latency_s, stale_s = resource.spec.objective.latency_s, resource.spec.behavior.stale_s
        scraped = await self.scraper.samples(resource.namespace, ready, resource.source, latency_s, stale_s)
        self.metrics.scraped(scraped.failures)
        return scraped

    async def _confirmed(
        self, resource: Autoscaler, found: Scale, pods: Sequence[Pod], scraped: Scraped, memory: Memory
    ) -> Sequence[Pod]:
        """Without those that are no more; looked up where a pod does what one that is no more would do too."""
        odd = len({one.template for one in pods}) > 1 or any(one.unschedulable or one.stuck for one in pods)
        if not (odd or scraped.failures) or not self._may_look(memory):
            return pods
        path = f"/api/v1/namespaces/{resource.namespace}/pods"
        with contextlib.suppress(ClusterError):
            listed = await self.cluster.get(path, labelSelector=str(found.selector))
            there = {one["metadata"]["uid"] for one in listed["items"]}
            memory.gone |= {one.uid for one in pods} - there
        return [one for one in pods if one.uid not in memory.gone]

    def _may_look(self, memory: Memory) -> bool:
        if self.clock() < memory.looked_at + LOOKED_AGAIN_S:
            return False
        memory.looked_at = self.clock()
        return True

    async def _applied(self, path: str, found: Scale, decision: Decision) -> tuple[int, Decision]:
        """The replicas that were asked for until now, and what became of the decision."""
        try:
            there = await self._changed(path, found, decision.replicas)
        except ClusterError as error:
            sentence = f"{found.replicas} stay instead of {decision.replicas}: {error}"
            failed = replace(decision, replicas=found.replicas, reason=Reason.TICK_FAILED, sentence=sentence)
            return found.replicas, failed
        if there == found.replicas:
            return there, decision
        sentence = f"{there} stay: somebody asked for them while it was decided on {found.replicas}"
        return there, replace(decision, replicas=there, limited=None, sentence=sentence)

    async def _changed(self, path: str, found: Scale, replicas: int) -> int:
        """The replicas that were asked for; where they are not those that were found, they are left alone.

        A target's version moves with each word on its pods, so that a conflict alone is no other wish.
        """
        try:
            await self._write(path, found.version, replicas)
        except ConflictError:
            there = scale(await self.cluster.get(path))
            if there.replicas == found.replicas:
                await self._write(path, there.version, replicas)
            return there.replicas
        return found.replicas

    async def _write(self, path: str, version: str, replicas: int) -> None:
        await self.cluster.patch(path, {"metadata": {"resourceVersion": version}, "spec": {"replicas": replicas}})

    async def _tell(
        self,
        body: Mapping[str, Any],
        before: Mapping[str, Any],
        current: int,
        decision: Decision,
        memory: Memory,
        announce: Announce,
        log: Log,
    ) -> None:
        metadata = body["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        first, memory.first = memory.first, False
        scaled = decision.replicas != current and memory.spec.mode is Mode.ACTIVE
        if first and before and decision.measured and decision.reason is Reason.NO_DATA and not scaled:
            return  # the operator began anew; rates need a second look, until which what was said before stands
        after = status(memory.spec, decision, current, metadata.get("generation", 0), before, self.now())
        if _news(before, after):
            _announce(memory.spec, decision, after, announce, log)
        memory.status = after
        if not differs(before, after) and self.clock() < memory.told_at + TOLD_AGAIN_S:
            return
        memory.told_at = float("-inf")  # until it is written, each tick tries
        try:
            path = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}/{name}/status"
            await self.cluster.patch(path, {"status": after})
            memory.told_at = self.clock()
        except NotFoundError:
            pass  # it was deleted during the tick
        except ClusterError as error:
            log.warning("The status is not written: %s", error)


def _news(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether the target was scaled, or would have been, or it is another matter than before whether it can be.

    A trouble that comes and goes is news once, as long as the timeline tells of it.
    """
    told = {one["reason"] for one in after["timeline"] if one in before.get("timeline", ())}
    return _matter(before) != _matter(after) or after["reason"] in _TROUBLES - told


def _matter(found: Mapping[str, Any]) -> list[Any]:
    conditions = {one["type"]: one for one in found.get("conditions", ())}
    ready, limited = conditions.get("Ready", {}), conditions.get("Limited", {})
    tried = found.get("desiredReplicas") if ready.get("reason") == "DryRun" else None
    return [found.get("lastScaleTime"), tried, ready.get("status"), ready.get("reason"), limited.get("status")]


def _announce(spec: Spec, decision: Decision, after: Mapping[str, Any], announce: Announce, log: Log) -> None:
    ready = next(one for one in after["conditions"] if one["type"] == "Ready")
    message = f"Dry run: {decision.sentence}" if spec.mode is Mode.DRY_RUN else decision.sentence
    intended = ready["reason"] in _INTENDED and decision.reason not in _TROUBLES
    announce("Normal" if intended else "Warning", str(decision.reason), message)
    log.log(
        logging.INFO if intended else logging.WARNING,
        "%s",
        message,
        extra={
            "reason": str(decision.reason),
            "current": after["currentReplicas"],
            "desired": decision.replicas,
            "limited": str(decision.limited or ""),
            "ready_replicas": decision.ready,
            "measured_replicas": decision.measured,
            "recommendations": after["recommendations"],
        },
    )
