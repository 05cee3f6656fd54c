"""How many replicas a service needs, from what its replicas tell. Pure: no clock, no cluster.

Nothing is predicted, and who does not know holds: `_decide`, `_raise` and `_lower` read as the list of what goes before
what. What is needed says `demand`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from scaler.demand import (
    Observed,
    Raised,
    Recommendation,
    State,
    because,
    cores,
    cpu_idle,
    pinned,
    rate,
    recent_flow,
    recommendations,
    whole,
)
from scaler.samples import WARM_AFTER_S, Flow, Replicas, flow, fresh
from scaler.spec import Mode, Spec

BELIEVED_S = 300.0
FAILING_SHARE = 0.5
GAP_S = 60.0
STUCK_SHARE = 0.25  # of the replicas can't start: more could not either
SETTLED_S = 15.0  # as long after replicas became ready, what they add shows
USEFUL_SHARE = 0.2  # replicas that add less of what they should have added don't help


class Reason(StrEnum):
    """Why a decision is what it is: one word for status, events, metrics and logs."""

    TARGET_NOT_FOUND = "TargetNotFound"
    TICK_FAILED = "TickFailed"
    PAUSED = "Paused"
    CONFLICTED = "Conflicted"
    SUSPENDED = "Suspended"
    NO_DATA = "NoData"
    FAILING = "RequestsFail"
    DEPENDENCY_SATURATED = "DependencySaturated"
    CRASHING = "ReplicasCannotStart"
    UNSCHEDULABLE = "ReplicasUnschedulable"
    TOO_MUCH = "TooMuchLoad"
    ROLLING_OUT = "RollingOut"
    PARTIAL_DATA = "PartialData"
    PINNED = "ConnectionsPinned"
    TOO_LITTLE = "TooLittleLoad"
    HOLDING = "Holding"
    DEPENDENCY_SLOW = "DependencySlow"
    WITHIN_TARGET = "WithinTarget"
    AT_MAXIMUM = "AtMaximum"
    AT_MINIMUM = "AtMinimum"


@dataclass(frozen=True, slots=True)
class Decision:
    """`limited` is AT_MAXIMUM or AT_MINIMUM where the bounds cut off what was decided.

    `measured` of `ready` replicas told something lately. `sentence` says it all to a person.
    """

    replicas: int
    reason: Reason
    sentence: str
    recommendations: tuple[Recommendation, ...] = ()
    limited: Reason | None = None
    measured: int = 0
    ready: int = 0


def decide(spec: Spec, observed: Observed, state: State, now: float) -> tuple[Decision, State]:
    """`now` and the samples' times are seconds of one clock. Asked again at one time, it answers the same."""
    state = _remember(spec, observed, state, now)
    asked = recommendations(spec, observed, state, now, spec.behavior.long_window_s)
    recent = recent_flow(spec, state, now)
    decision = _within_bounds(spec, _decide(spec, observed, state, asked, recent, now))
    if recent and decision.replicas > observed.replicas > 0:
        state = replace(state, raised=state.raised or Raised(len(observed.ready), recent.completed))
    there = observed.replicas
    change = f"{there} stay" if decision.replicas == there else f"{there} → {decision.replicas}"
    told = replace(
        decision,
        sentence=f"{change}: {decision.sentence}",
        recommendations=asked,
        measured=len(state.last),
        ready=len(observed.ready),
    )
    return told, state


def _decide(
    spec: Spec, observed: Observed, state: State, asked: Sequence[Recommendation], recent: Flow | None, now: float
) -> Decision:
    there = observed.replicas
    if spec.mode is Mode.PAUSED:
        return Decision(there, Reason.PAUSED, "paused")
    if observed.conflict:
        return Decision(there, Reason.CONFLICTED, f"{observed.conflict} scales the same target")
    if there == 0:
        return Decision(there, Reason.SUSPENDED, "somebody scaled it to zero")
    if not state.last:
        return Decision(there, Reason.NO_DATA, "no replica tells what it does")
    if not recent:
        return Decision(there, Reason.NO_DATA, "no replica has told twice what it does")
    if not asked:
        return Decision(there, Reason.NO_DATA, "what one replica can carry is not known")
    if recent.failed > FAILING_SHARE * recent.completed:
        share = recent.failed / recent.completed
        return Decision(there, Reason.FAILING, f"{share:.0%} of the requests fail; more would fail too")
    if asked[0].need > there * (1 + spec.behavior.tolerance):
        return _raise(spec, observed, state, asked[0], recent, now)
    return _lower(spec, observed, state, asked[0], recent, now)


def _raise(spec: Spec, observed: Observed, state: State, asked: Recommendation, recent: Flow, now: float) -> Decision:
    there = observed.replicas
    if state.raised and _useless(spec, observed, state, recent, now):
        return Decision(
            there,
            Reason.DEPENDENCY_SATURATED,
            f"{len(observed.ready)} replicas complete {rate(recent.completed)}, "
            f"{state.raised.ready} completed {rate(state.raised.completed)}, and their CPU is idle; "
            "look at what they wait for",
        )
    if state.raised and recent.full > 0 and cpu_idle(spec, observed, recent) and not _shown(observed, state, now):
        return Decision(
            there, Reason.HOLDING, f"{because(spec, asked)}, but CPU is idle, and more have just been added"
        )
    if observed.crashing >= STUCK_SHARE * there:
        return Decision(there, Reason.CRASHING, f"{observed.crashing} of them can't start; more could not either")
    if observed.unschedulable >= STUCK_SHARE * there:
        left = observed.unschedulable
        return Decision(there, Reason.UNSCHEDULABLE, f"the cluster has no room for {left} of them")
    replicas = min(asked.replicas, there + max(1, math.floor(spec.behavior.up_share * there)))
    return Decision(replicas, Reason.TOO_MUCH, because(spec, asked))


def _lower(spec: Spec, observed: Observed, state: State, asked: Recommendation, recent: Flow, now: float) -> Decision:
    """Down to the most that was needed within the hold window, a step at a time, or not at all."""
    there, behavior = observed.replicas, spec.behavior
    if observed.rolling_out:
        return Decision(there, Reason.ROLLING_OUT, "a rollout is under way")
    if len(state.last) < len(observed.ready):
        told = f"{len(state.last)} of {len(observed.ready)} ready replicas tell what they do"
        return Decision(there, Reason.PARTIAL_DATA, told)
    if pinned(state.flows[-1]):
        last = state.flows[-1]
        told = f"{last.full:.0%} of the replicas are full while {last.idle:.0%} are half idle"
        return Decision(there, Reason.PINNED, f"{told}; clients keep their connections")
    needed = (whole(need) for at, need in state.needs if at >= now - behavior.hold_s)
    floor = max(1, spec.min_replicas, asked.replicas, *needed)
    watched = state.since <= now - behavior.hold_s
    if floor < there and watched:
        replicas = max(floor, min(there - 1, math.ceil(there * (1 - behavior.down_share))))
        why = f"{floor} would have done for the last {behavior.hold_s:g} s"
        return Decision(replicas, Reason.TOO_LITTLE, f"{why}; {because(spec, asked)}")
    enough = max(spec.min_replicas, asked.replicas)
    if enough < there:
        why = f"{floor} were needed within {behavior.hold_s:g} s" if watched else "watched for too short a time"
        return Decision(there, Reason.HOLDING, f"{enough} would do now, but {why}")
    settled = now >= state.ready_since + SETTLED_S
    if settled and (recent.slow or 0.0) > 1 - spec.objective.share and cpu_idle(spec, observed, recent):
        told = f"{recent.slow:.1%} of the answers take more than {spec.objective.latency_s:g} s while CPU is idle"
        return Decision(there, Reason.DEPENDENCY_SLOW, f"{told}; look at what they wait for")
    return Decision(there, Reason.WITHIN_TARGET, because(spec, asked))


def _within_bounds(spec: Spec, decision: Decision) -> Decision:
    if decision.reason in (Reason.PAUSED, Reason.CONFLICTED, Reason.SUSPENDED):
        return decision
    bound = min(max(decision.replicas, spec.min_replicas), spec.max_replicas)
    if bound == decision.replicas:
        return decision
    limited, word = (Reason.AT_MAXIMUM, "most") if bound < decision.replicas else (Reason.AT_MINIMUM, "fewest")
    sentence = f"{decision.sentence}; {bound} is the {word} that may be"
    return replace(decision, replicas=bound, limited=limited, sentence=sentence)


def _remember(spec: Spec, observed: Observed, state: State, now: float) -> State:
    """What was known, and what is new. A clock that went back and a gap begin anew, as a restart does."""
    behavior = spec.behavior
    if not state.at <= now <= state.at + GAP_S:
        state = State()
    there = [sample for sample in observed.samples if sample.replica in observed.ready]
    told = fresh(state.last, there, now, behavior.stale_s)
    lasts = {key: one for key, one in state.last.items() if key in observed.ready and one.at > now - behavior.stale_s}
    lasts |= {sample.replica: sample for sample in told}
    if not lasts:
        return State(at=now)
    begun = {one.replica for one in told if one.completed < state.last.get(one.replica, one).completed}
    firsts = {key: one.at if key in begun else state.first.get(key, one.at) for key, one in lasts.items()}
    warm = frozenset(key for key, at in firsts.items() if now - at > WARM_AFTER_S)
    joined = observed.ready - state.ready if state.ready else frozenset()
    new = flow(state.last, told, Replicas(observed.ready, warm, joined, state.at, cores(spec, observed)), now)
    flows = tuple(one for one in state.flows if one.at > now - BELIEVED_S)
    state = replace(
        state,
        at=now,
        since=min(state.since, now),
        last=lasts,
        first=firsts,
        flows=(*flows, new) if new else flows,
        ready=observed.ready,
        ready_since=state.ready_since if len(observed.ready) == len(state.ready) else now,
    )
    return replace(state, needs=_needs(spec, observed, state, now), raised=_raised(spec, observed, state, now))


def _needs(spec: Spec, observed: Observed, state: State, now: float) -> tuple[tuple[float, float], ...]:
    """A later one that is no smaller outlives the earlier: the first is the most of the hold window."""
    asked = recommendations(spec, observed, state, now, spec.behavior.short_window_s)
    kept = tuple((at, need) for at, need in state.needs if at >= now - spec.behavior.hold_s)
    if not asked:
        return kept
    return (*((at, need) for at, need in kept if need > asked[0].need), (now, asked[0].need))


def _raised(spec: Spec, observed: Observed, state: State, now: float) -> Raised | None:
    """Forgotten once the added replicas have shown that they help, or nothing is full any more."""
    recent = recent_flow(spec, state, now)
    if not state.raised or not recent or now < state.ready_since + SETTLED_S:
        return state.raised
    waited_for = recent.full > 0 and len(state.ready) <= state.raised.ready
    return state.raised if waited_for or _useless(spec, observed, state, recent, now) else None


def _shown(observed: Observed, state: State, now: float) -> bool:
    """Whether the replicas that were asked for last have served for long enough to show what they add."""
    return len(observed.ready) >= observed.replicas and now >= state.ready_since + SETTLED_S


def _useless(spec: Spec, observed: Observed, state: State, recent: Flow, now: float) -> bool:
    """Whether replicas that were added complete no more, full though they are, and with CPU to spare."""
    raised = state.raised
    if not raised or not raised.ready or len(state.ready) <= raised.ready or now < state.ready_since + SETTLED_S:
        return False
    hoped = raised.completed * (len(state.ready) / raised.ready - 1)
    added = recent.completed - raised.completed
    return recent.full > 0 and added < USEFUL_SHARE * hoped and cpu_idle(spec, observed, recent)
