"""Alerts of causes: what keeps a service from answering, or an operator or an SRE from seeing it.

A page is for what users feel, and no other alert says; the rest are tickets, which explain pages. What lasts no longer
than a start, an end or a rollout does not fire: where once is remembered by a window, `hold_for` is longer than that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from dashboards.ask import PODS
from dashboards.rules.rule import Alert, Group, Severity
from dashboards.rules.scale import Scale, duration
from dashboards.series import (
    CONTAINER_PERIODS,
    CONTAINER_STARTED,
    CONTAINER_THROTTLED,
    DECISIONS,
    DESIRED,
    SCRAPE_ERRORS,
    SPANS_NOT_SENT,
    SPANS_REFUSED,
    STARTED,
    UP,
)
from lab.core.conventions import (
    CALLS,
    CONNECTIONS,
    CONNECTIONS_MAX,
    DURATION,
    EXECUTOR,
    LOAD_COMPLETED,
    LOAD_OFFERED,
    LOAD_RETRIED,
    LOOP_LAG,
    PENDING,
    QUEUE_FULL,
    QUEUE_LENGTH,
    SPANS_EXPORTED,
    SPANS_PROCESSED,
    Label,
)
from lab.core.operations import Operation
from lab.core.scenario import Scenario

MINUTE, HOUR = 60, 3600
TELLING = 'telemetry!="off"'  # who tells nothing on purpose can't be read
REPLICAS = f'{PODS}, role!="", {TELLING}'
OF_POD = f"* on (pod) group_left (variant, role) group by (pod, variant, role) ({UP}{{{PODS}}})"
SERVED = f'{DURATION.name}_count{{role!=""}}'
WHO = "{{ $labels.role }} ({{ $labels.variant }})"
POD = "{{ $labels.pod }}"
SHARE = "{{ $value | humanizePercentage }}"
FIGURE = "{{ $value | humanize }}"

# As operator/scaler/decision.py and services/telemetry/runtime.py have them.
NO_DATA = "NoData"
LOST = ("TargetNotFound", "TickFailed")
LOOP_CHECKED_EVERY_S = 0.1

QUIET_PER_S = 0.1  # of requests: fewer are no traffic that could be missed
THROTTLED_SHARE = 0.5
LATE_SHARE = 0.5
USED_SHARE = 0.9
WAITING = 0.5  # on average
BLIND_SHARE = 0.5
RETRIED_SHARE = 0.1
RESTARTS = 3
TURNS = 3
LOOK_S = 15  # three decisions


def causes(scale: Scale, calls_per_order: int, order: Operation) -> Group:
    """`calls_per_order`: how many calls to the catalog an order takes at most; `order` places one."""
    return Group(
        "causes",
        [
            _no_traffic(scale),
            *_target_down(scale),
            _crash_looping(scale),
            *_telemetry_dropped(scale),
            _throttled(scale),
            _event_loop_blocked(scale),
            _pool_exhausted(scale),
            _autoscaler_blind(scale),
            _autoscaler_flapping(scale),
            *_retry_storm(scale, calls_per_order, order),
        ],
    )


def most_calls(scenarios: Collection[Scenario], order: Operation) -> int:
    """A call for each line of the longest order that any scenario places."""
    orders = (request for one in scenarios for request in one.sent if request.operation == order.id)
    return max(int(request.body["lines"]["length"][1]) for request in orders)


def _no_traffic(scale: Scale) -> Alert:
    now, before = scale.window(5 * MINUTE), scale.objective(HOUR)
    offered = f"sum(rate({LOAD_OFFERED.name}[%s])) > 0"
    clients_left = f"({offered % before} unless on () ({offered % now}))"
    return Alert(
        "NoTraffic",
        Severity.PAGE,
        f"sum by (variant, role) (rate({SERVED}[{before}])) > {QUIET_PER_S}\n"
        f"and on (variant, role) (sum by (variant, role) (rate({SERVED}[{now}])) == 0)\n"
        f"and on (variant, role) (max by (variant, role) ({UP}{{{REPLICAS}}}) == 1)\n"
        f"unless on () {clients_left}",
        f"Nobody reaches {WHO}: users get no answer, or have all left at once",
        f"Its replicas are up and complete nothing; over {before} it was {FIGURE} requests a second",
        hold_for=now,
    )


def _target_down(scale: Scale) -> Iterator[Alert]:
    hold_for = scale.window(5 * MINUTE)
    all_down = f"max by (variant, role) ({UP}{{{REPLICAS}}}) == 0"
    crashing = f"{_restarts(scale)} >= {RESTARTS - 1}"
    yield Alert(
        "TargetDown",
        Severity.PAGE,
        f"{all_down}\nunless on (variant, role) ({crashing})",
        f"No replica of {WHO} can be reached: its users get errors, and nobody sees how it does",
        f"All of them were out of reach for {hold_for}",
        hold_for=hold_for,
    )
    yield Alert(
        "TargetDown",
        Severity.TICKET,
        f"{UP}{{{TELLING}}} == 0\nunless on (variant, role) ({all_down})\nunless on (pod) ({crashing})",
        "{{ or $labels.pod $labels.node }} tells nothing: whatever goes wrong there, nobody is told",
        f"Job {{{{ $labels.job }}}} could not read {{{{ $labels.instance }}}} for {hold_for}",
        hold_for=hold_for,
    )


def _crash_looping(scale: Scale) -> Alert:
    return Alert(
        "CrashLooping",
        Severity.PAGE,
        f"{_restarts(scale)} >= {RESTARTS}",
        f"{POD} starts and ends again and again: its users get errors, or wait for fewer replicas",
        f"It began {FIGURE} times anew within {_restarts_window(scale)}",
    )


def _restarts(scale: Scale) -> str:
    """By pod, with whatever it plays; of services, load workers and all else that the lab runs."""
    changes = [
        f"changes({series}[{_restarts_window(scale)}])" for series in (f"{STARTED}{{{PODS}}}", CONTAINER_STARTED)
    ]
    return f"max by (pod) ({' or '.join(changes)}) {OF_POD}"


def _restarts_window(scale: Scale) -> str:
    """The kubelet waits 10, 20, 40 s between restarts, up to 5 minutes, in a lab as anywhere."""
    return "15m" if scale.divisor == 1 else "5m"


def _telemetry_dropped(scale: Scale) -> Iterator[Alert]:
    window, hold_for = scale.window(5 * MINUTE), scale.window(10 * MINUTE)
    dropped = f'rate({SPANS_PROCESSED.name}{{{Label.ERROR}="{QUEUE_FULL}"}}[{window}])'
    not_taken = f'rate({SPANS_EXPORTED.name}{{{Label.ERROR}!=""}}[{window}])'
    blind = "traces have gaps, so who looks for a slow request may not find it"
    yield Alert(
        "TelemetryDropped",
        Severity.TICKET,
        f"sum by (variant, role) ({dropped} or {not_taken}) > 0",
        f"Spans of {WHO} are lost: {blind}",
        f"{FIGURE} spans a second were dropped or not taken by the collector, for {hold_for}",
        hold_for=hold_for,
        labels={"seen_by": "replicas"},
    )
    collected = " or ".join(
        f'label_replace(rate({series}[{window}]), "at", "{at}", "", "")'
        for at, series in (("entry", SPANS_REFUSED), ("exit", SPANS_NOT_SENT))
    )
    yield Alert(
        "TelemetryDropped",
        Severity.TICKET,
        f"sum by (pod) ({collected}) > 0",
        f"The collector loses spans: {blind}",
        f"{POD} refused or could not hand on {FIGURE} spans a second, for {hold_for}",
        hold_for=hold_for,
        labels={"seen_by": "collector"},
    )


def _throttled(scale: Scale) -> Alert:
    window, hold_for = scale.window(5 * MINUTE), scale.window(10 * MINUTE)
    part, whole = (f"sum by (pod) (rate({series}[{window}]))" for series in (CONTAINER_THROTTLED, CONTAINER_PERIODS))
    return Alert(
        "Throttled",
        Severity.TICKET,
        f"{part} / {whole} {OF_POD} > {THROTTLED_SHARE}",
        f"Users of {WHO} wait while it may not compute: its CPU limit is reached",
        f"{POD} was stopped in {SHARE} of its periods, for {hold_for}",
        hold_for=hold_for,
    )


def _event_loop_blocked(scale: Scale) -> Alert:
    window, hold_for = scale.window(5 * MINUTE), scale.window(5 * MINUTE)
    tries = f"sum by (variant, role, pod) (rate({LOOP_LAG.name}_count[{window}]))"
    return Alert(
        "EventLoopBlocked",
        Severity.TICKET,
        f"1 - {tries} * {LOOP_CHECKED_EVERY_S:g} > {LATE_SHARE}\nand on (pod) ({UP}{{{REPLICAS}}} == 1)",
        f"All users of a replica of {WHO} wait for one piece of work: its event loop is blocked",
        f"{POD}: the loop was late {SHARE} of the time, for {hold_for}",
        hold_for=hold_for,
    )


def _pool_exhausted(scale: Scale) -> Alert:
    window, hold_for = scale.window(5 * MINUTE), scale.window(5 * MINUTE)
    used = f'avg_over_time({CONNECTIONS.name}{{{Label.STATE}="used"}}[{window}])'
    pending = f"sum by (pod) (avg_over_time({PENDING.name}[{window}])) > {WAITING}"
    queued = f'sum by (pod) (avg_over_time({QUEUE_LENGTH.name}{{{Label.QUEUE}="{EXECUTOR}"}}[{window}])) > {WAITING}'
    return Alert(
        "PoolExhausted",
        Severity.TICKET,
        f"sum by (variant, role, pod) ({used}) / sum by (variant, role, pod) ({CONNECTIONS_MAX.name}) > {USED_SHARE}\n"
        f"and on (pod) (({pending}) or ({queued}))",
        f"Users of {WHO} wait for a database connection: all are in use",
        f"{POD} used {SHARE} of its connections, and requests waited, for {hold_for}",
        hold_for=hold_for,
    )


def _autoscaler_blind(scale: Scale) -> Alert:
    window, hold_for = scale.window(5 * MINUTE), scale.window(10 * MINUTE)

    def decisions(*reasons: str) -> str:
        of = f'{{reason=~"{"|".join(reasons)}"}}' if reasons else ""
        return f"sum by (name) (rate({DECISIONS}{of}[{window}]))"

    named = f'label_join(rate({SERVED}[{window}]), "name", "-", "variant", "role")'
    asked = f"sum by (name) ({named}) > 0"
    unread = f"sum(rate({SCRAPE_ERRORS}[{window}])) > 0"
    lost = decisions(*LOST)
    no_data = decisions(NO_DATA)
    return Alert(
        "AutoscalerBlind",
        Severity.TICKET,
        f"{lost} / {decisions()} > {BLIND_SHARE}\n"
        f"or ({no_data} / {decisions()} > {BLIND_SHARE} and on (name) ({asked}))\n"
        f"or ({no_data} / {decisions()} > {BLIND_SHARE} and on () ({unread}))",
        "Nobody scales {{ $labels.name }}: when load rises, its users will wait",
        f"The autoscaler could not tell what is needed in {SHARE} of its decisions, for {hold_for}",
        hold_for=hold_for,
    )


def _autoscaler_flapping(scale: Scale) -> Alert:
    window_s = 30 * MINUTE if scale.divisor == 1 else 10 * MINUTE  # what holds an autoscaler back is as long in a lab
    window = duration(window_s)
    climbed = f"sum_over_time(clamp_min({DESIRED} - {DESIRED} offset {LOOK_S}s, 0)[{window}:{LOOK_S}s])"
    looks = f"{DESIRED}[{duration(window_s + LOOK_S)}:{LOOK_S}s]"  # the one before the first, too
    span = f"(max_over_time({looks}) - min_over_time({looks}))"
    return Alert(
        "AutoscalerFlapping",
        Severity.TICKET,
        f"max by (name) ({climbed} / {span}) >= {TURNS}",
        "Replicas of {{ $labels.name }} come and go: its users meet cold ones again and again",
        f"Within {window} it went up {FIGURE} times as far as its fewest and most replicas are apart",
    )


def _retry_storm(scale: Scale, calls_per_order: int, order: Operation) -> Iterator[Alert]:
    window, hold_for = scale.window(5 * MINUTE), scale.window(5 * MINUTE)
    retried, completed = (
        f"sum by ({Label.VARIANT}, {Label.SCENARIO}) (rate({metric.name}[{window}]))"
        for metric in (LOAD_RETRIED, LOAD_COMPLETED)
    )
    yield Alert(
        "RetryStorm",
        Severity.TICKET,
        f"{retried} / {completed} > {RETRIED_SHARE}",
        "Users of {{ $labels.variant }} have to ask twice, and their second requests come on top of the load",
        f"{SHARE} of the requests ({{{{ $labels.scenario }}}}) were sent again, for {hold_for}",
        hold_for=hold_for,
        labels={"seen_by": "clients"},
    )
    placed = f'{Label.METHOD}="{order.method}", {Label.ROUTE}="{order.path}", role="{order.role}"'
    calls = f"sum by (variant, role) (rate({CALLS.name}_count[{window}]))"
    orders = f"sum by (variant, role) (rate({DURATION.name}_count{{{placed}}}[{window}]))"
    yield Alert(
        "RetryStorm",
        Severity.TICKET,
        f"{calls} / ({orders} > 0) > {2 * calls_per_order}",
        f"{WHO} repeats its calls until whoever answers them drowns: users wait, then get errors",
        f"{FIGURE} calls to the catalog for each order, where {calls_per_order} do at most, for {hold_for}",
        hold_for=hold_for,
        labels={"seen_by": "servers"},
    )
