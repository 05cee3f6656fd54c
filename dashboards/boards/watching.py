"""What watching costs: the same variants with less and more telemetry."""

from __future__ import annotations

from dashboards import ask, panels
from dashboards.ask import LAB, latency, of, rate, share, total
from dashboards.empty import Empty
from dashboards.frame import ANNOTATIONS, choosing
from dashboards.model import Dashboard, Kind, Panel, Query, Row
from dashboards.panels import legend, of_container
from dashboards.series import CONTAINER_CPU, CONTAINER_MEMORY, SCRAPE_DURATION, UP
from lab.core.conventions import CPU, DURATION, MEMORY, SPANS_EXPORTED

LEVEL = ("variant", "telemetry")
NOTE = (
    "Levels are those of `LAB_TELEMETRY`: `off`, `metrics`, or `official` with the percentage of requests that is "
    "traced. `lab compare --factor telemetry=off,metrics,official` runs them against each other.\n\n"
    "A replica with telemetry `off` tells nothing, so that its requests are in no panel here: of it there is what the "
    "kubelets count, and what clients saw. What a request costs without any telemetry is in the run's report, which "
    "measures it from outside."
)


def _of_level(name: str) -> str:
    """Of the kubelets, a replica's mean."""
    expression = rate(name, who=LAB) if name == CONTAINER_CPU else of(name, who=LAB)
    of_pods = of_container(total(expression, "pod"), *LEVEL)
    return total(of_pods, *LEVEL, how="avg")


WATCHING = Dashboard(
    "watching",
    "What watching costs",
    "What do metrics and traces take from a service: CPU, memory and latency, by level of telemetry?",
    choosing(),
    ANNOTATIONS,
    (
        Row(
            "Levels that are there",
            (
                Panel("How to read this", NOTE, "none", (), kind=Kind.TEXT, height=6),
                Panel(
                    "Replicas by level",
                    "How many there are. With one level there is nothing to compare.",
                    "short",
                    (Query(total(of(UP, ask.PODS, 'role!=""'), *LEVEL, how="count"), legend(*LEVEL)),),
                    kind=Kind.STAT,
                    height=6,
                ),
            ),
        ),
        Row(
            "By request",
            (
                Panel(
                    "CPU per 1,000 requests",
                    "Seconds of CPU of the process that serves. The difference between levels is what the level costs; "
                    "compare at equal load, since idle replicas take CPU, too.",
                    "s",
                    (
                        Query(
                            f"1000 * {share(total(rate(CPU.name), *LEVEL), ask.counted(DURATION, *LEVEL))}",
                            legend(*LEVEL),
                            Empty.NO_TRAFFIC,
                        ),
                    ),
                ),
                Panel(
                    "Latency of services",
                    "p99 by level. Tracing takes CPU of the thread or loop that answers.",
                    "s",
                    (Query(latency(0.99, DURATION, *LEVEL), legend(*LEVEL)),),
                ),
                panels.clients_latency(),
                Panel(
                    "Requests answered",
                    "Per second, by level: levels can be compared only while it is equal.",
                    "reqps",
                    (Query(ask.counted(DURATION, *LEVEL), legend(*LEVEL)),),
                    width=8,
                ),
                Panel(
                    "Spans sent",
                    "Per second, by level.",
                    "ops",
                    (
                        Query(
                            total(rate(SPANS_EXPORTED.name), *LEVEL),
                            legend(*LEVEL),
                            Empty.NO_TRACES,
                        ),
                    ),
                    width=8,
                ),
            ),
        ),
        Row(
            "By replica, `off` among them",
            (
                Panel(
                    "CPU per replica",
                    "Cores of a replica's containers, mean, as the kubelets count: it has replicas with telemetry "
                    "off, too.",
                    "none",
                    (Query(_of_level(CONTAINER_CPU), legend(*LEVEL), Empty.NO_KUBELETS),),
                    width=8,
                ),
                Panel(
                    "Memory per replica",
                    "Working set of a replica's containers, mean, as the kubelets count.",
                    "bytes",
                    (Query(_of_level(CONTAINER_MEMORY), legend(*LEVEL), Empty.NO_KUBELETS),),
                    width=8,
                ),
                Panel(
                    "Memory of the process",
                    "Resident, mean, as replicas count themselves.",
                    "bytes",
                    (Query(total(of(MEMORY.name), *LEVEL, how="avg"), legend(*LEVEL)),),
                    width=8,
                ),
                Panel(
                    "Time of a scrape",
                    "Mean over replicas: each scrape takes CPU of the replica, once in the interval.",
                    "s",
                    (Query(total(of(SCRAPE_DURATION, ask.PODS, 'role!=""'), *LEVEL, how="avg"), legend(*LEVEL)),),
                    width=8,
                ),
            ),
        ),
    ),
)
