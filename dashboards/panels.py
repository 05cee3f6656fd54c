"""Panels that more than one dashboard shows: each is a function of whom it is about."""

from __future__ import annotations

from dashboards import ask
from dashboards.ask import of, rate, share, total
from dashboards.empty import Empty
from dashboards.model import Kind, Panel, Query
from dashboards.series import CONTAINER_PERIODS, CONTAINER_THROTTLED, STARTED, UP
from lab.core.conventions import BUSY, CPU, DURATION, LOAD_LATENCY, MEMORY, QUEUE_LENGTH, WORKERS, Label
from lab.core.telemetry import Mode

OFF = f'telemetry="{Mode.OFF}"'
FAILS_FROM = 0.05  # the share of 5xx from which a service counts as one that fails
STATES = (
    ("Broken: no replica can be read", "red"),
    ("No traffic", "blue"),
    ("Answers", "green"),
    ("Fails: 5 % or more are 5xx", "orange"),
    ("Telemetry is off", "purple"),
)


def legend(*labels: str, after: str = "") -> str:
    return " ".join(f"{{{{{label}}}}}" for label in labels) + after


def of_container(expression: str, *labels: str) -> str:
    """What kubelets count of a replica's containers, with labels of its pod: 1 for each, readable or not."""
    replicas = total(of(UP, ask.PODS), "pod", *labels, how="group")
    return f"{expression} * on (pod) group_left ({', '.join(labels)}) {replicas}"


def state() -> Panel:
    by = ("variant", "role")
    nothing = f"0 * {ask.targets(*by)}"
    asked = f"({ask.counted(DURATION, *by)} > bool 0 or {nothing})"
    fails = f"({ask.failing(*by)} >= bool {FAILS_FROM:g} or {nothing})"
    told = f"({ask.readable(*by)} > bool 0) * (1 + {asked} + {fails})"
    off = f"{total(of(UP, ask.PODS, OFF), *by, how='group')} * {len(STATES) - 1} unless {ask.readable(*by)} > 0"
    return Panel(
        "State",
        "Whether an empty panel means that nobody asks, or that something is broken. Broken: no replica can be read; "
        "look at Cluster and lab, then at the pods. No traffic: nothing is wrong with what you look at; start load. "
        "Telemetry is off: replicas were told to tell nothing.",
        "none",
        (Query(f"{off} or {told}", legend(*by)),),
        kind=Kind.STATES,
        width=24,
        height=6,
        words=STATES,
    )


def answered(*by: str) -> Panel:
    return Panel(
        "Requests answered",
        "Per second, as replicas count them. Where it is below what clients offer, requests wait, are refused, or go "
        "elsewhere: look at queues.",
        "reqps",
        (Query(ask.counted(DURATION, *by), legend(*by)),),
    )


def failures(*by: str) -> Panel:
    return Panel(
        "Share of answers 5xx",
        "Of all answers; a refusal of 4xx is the client's. Above 0: failing traces are in Service. No line: nobody "
        "asks.",
        "percentunit",
        (Query(ask.failing(*by), legend(*by), Empty.NO_TRAFFIC),),
        limits=(0.001, 0.01),
    )


def latency(*by: str, shares: tuple[float, ...] = (0.5, 0.99)) -> Panel:
    return Panel(
        "Latency of services",
        "From when the application has a request to its answer. Queues come before, so a saturated service looks "
        "better here than to its clients. Points are exemplars: one request each; click to see its trace.",
        "s",
        tuple(
            Query(
                ask.latency(each, DURATION, *by), legend(*by, after=f" p{each * 100:g}"), exemplars=each == max(shares)
            )
            for each in shares
        ),
    )


def heat(repeat: str = "") -> Panel:
    return Panel(
        f"Latency, all requests{' of $' + repeat if repeat else ''}",
        "Each cell is how many requests a second took so long. Two bands are two kinds of requests, or a cache that is "
        "asked first; a band that rises is a queue. All variants have the same buckets, so heights compare.",
        "s",
        (Query(total(rate(f"{DURATION.name}_bucket"), "le"), "{{le}}"),),
        kind=Kind.HEAT,
        width=8 if repeat else 12,
        repeat=repeat,
    )


def clients_rate(during: str = "") -> Panel:
    return Panel(
        "Requests of clients",
        "Answered or failed, per second, as the load generator counts them. No line: no load worker runs.",
        "reqps",
        (Query(ask.seen_rate(during), legend("variant"), Empty.NO_LOAD),),
        width=8,
    )


def clients_failures(during: str = "") -> Panel:
    return Panel(
        "Share that failed for clients",
        "Time-outs, connections that broke, wrong answers, 5xx. More than services say: what never reached one is in "
        "it.",
        "percentunit",
        (Query(ask.seen_failing(during), legend("variant"), Empty.NO_LOAD),),
        width=8,
        limits=(0.001, 0.01),
    )


def clients_latency(during: str = "") -> Panel:
    return Panel(
        "Latency for clients",
        "From when a request was due, so that waiting counts: this is what a user has. Compare it with the latency of "
        "services: the difference is queues. 10 s stands for that and more.",
        "s",
        tuple(
            Query(ask.seen_latency(each, during), legend("variant", after=f" p{each * 100:g}"), Empty.NO_LOAD)
            for each in (0.5, 0.99)
        ),
        width=8,
    )


def budget() -> Panel:
    return Panel(
        "Burn rate of the budget",
        "1: as much fails as may. Late: requests over `99 % within`, 1 % of which may be. Failed: as `May fail` says. "
        "Above 1 for long, the objective is missed; above 14, in hours. By what clients saw, queues included.",
        "none",
        (
            Query(f"({ask.seen_late()}) / 0.01", legend("variant", after=" late"), Empty.NO_LOAD),
            Query(f"({ask.seen_failing()}) / $may_fail", legend("variant", after=" failed"), Empty.NO_LOAD),
        ),
        limits=(1, 14.4),
    )


def budget_spent() -> Panel:
    in_time, every = ask.grown(f"{LOAD_LATENCY.name}_bucket", ask.IN_TIME), ask.grown(f"{LOAD_LATENCY.name}_count")
    return Panel(
        "Budget spent, latency",
        "Of the 1 % of requests that may be late, over the time that is shown. Over 100 %: more were late than may be.",
        "percentunit",
        (Query(f"(1 - {share(in_time, every)}) / 0.01", legend("variant"), Empty.NO_LOAD),),
        kind=Kind.STAT,
        limits=(0.5, 1),
    )


def cpu(*by: str) -> Panel:
    return Panel(
        "CPU per replica",
        "Cores, of the process that serves, mean over replicas. A Python process has one core at most; near its limit, "
        "look at throttling.",
        "none",
        (Query(total(rate(CPU.name), *by, how="avg"), legend(*by)),),
        width=8,
    )


def memory(*by: str) -> Panel:
    return Panel(
        "Memory per replica",
        "Resident memory of the process that serves, mean over replicas. A line that only rises is a leak: the limit "
        "ends it.",
        "bytes",
        (Query(total(of(MEMORY.name), *by, how="avg"), legend(*by)),),
        width=8,
    )


def cost(*by: str) -> Panel:
    return Panel(
        "CPU per 1,000 requests",
        "Seconds of CPU of the process that serves. At equal load it tells variants apart before capacity does; at "
        "very little load, what a replica does without requests is most of it.",
        "s",
        (
            Query(
                f"1000 * {share(total(rate(CPU.name), *by), ask.counted(DURATION, *by))}", legend(*by), Empty.NO_TRAFFIC
            ),
        ),
        width=8,
    )


def busy(*by: str) -> Panel:
    return Panel(
        "Busy share of workers",
        "Of threads or event loops. From 0.8 on queues grow with every burst; at 1 they only grow.",
        "percentunit",
        (Query(f"{total(rate(BUSY.name), *by)} / {total(of(WORKERS.name), *by)}", legend(*by)),),
        width=8,
        maximum=1,
        limits=(0.8, 0.95),
    )


def throttled(*by: str) -> Panel:
    part, whole = (
        of_container(rate(name, who=ask.LAB), "variant", "role") for name in (CONTAINER_THROTTLED, CONTAINER_PERIODS)
    )
    return Panel(
        "Throttled",
        "Share of periods of 100 ms in which a container used up its CPU limit and stood still. Latency above p90 pays "
        "for it first. More CPU or more replicas help, other code may.",
        "percentunit",
        (Query(share(total(part, *by), total(whole, *by)), legend(*by), Empty.NO_KUBELETS),),
        width=8,
        maximum=1,
        limits=(0.1, 0.5),
    )


def replicas(*by: str) -> Panel:
    return Panel(
        "Replicas",
        "That Prometheus can read, and that there are. Fewer readable than there are: some start, end, or don't "
        "answer.",
        "short",
        (
            Query(ask.readable(*by), legend(*by, after=" readable")),
            Query(ask.targets(*by), legend(*by, after=" there")),
        ),
        width=8,
    )


def restarts() -> Panel:
    """No kube-state-metrics is needed: a process that began anew in the same pod is a restart."""
    return Panel(
        "Restarts",
        "How often the process of a pod began anew, in the time that is shown. Above 0: `kubectl describe pod` and "
        "`kubectl logs --previous` say why.",
        "short",
        (Query(total(f"changes({of(STARTED)}[$__range])", "variant", "role", "pod"), legend("pod")),),
        width=8,
        limits=(1, 3),
    )


def queue(*by: str) -> Panel:
    return Panel(
        "Waiting before the application",
        "Connections that the kernel holds (accept), and requests that wait for a thread (executor). Above 0 for long: "
        "more is asked than is carried; latency for clients grows while that of services does not.",
        "short",
        (Query(total(of(QUEUE_LENGTH.name), *by, Label.QUEUE), legend(*by, Label.QUEUE)),),
    )
