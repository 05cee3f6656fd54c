"""Cluster and lab: whether what runs and measures the services can be trusted."""

from __future__ import annotations

from dashboards import ask, panels
from dashboards.ask import LAB, of, quantile, rate, share, total
from dashboards.empty import Empty
from dashboards.frame import ANNOTATIONS, choosing
from dashboards.model import Dashboard, Panel, Query, Row
from dashboards.panels import legend, of_container
from dashboards.series import (
    CONTAINER_CPU,
    CONTAINER_MEMORY,
    CONTAINER_THROTTLED_S,
    EXPORT_QUEUE,
    EXPORT_QUEUE_MAX,
    HEAD_SERIES,
    NETWORK_RECEIVED,
    NETWORK_SENT,
    SAMPLES_APPENDED,
    SCRAPE_DURATION,
    SPANS_ACCEPTED,
    SPANS_NOT_SENT,
    SPANS_REFUSED,
    SPANS_SENT,
    UP,
    WAITING,
)
from lab.core.conventions import (
    LOAD_COMPLETED,
    LOAD_LAG,
    LOAD_OFFERED,
    SPANS_EXPORTED,
    SPANS_PROCESSED,
    SPANS_WAITING,
    SPANS_WAITING_MAX,
    Label,
)
from lab.core.telemetry import Mode

MOST = 10  # containers in a panel: those that take most
TELLING = f'{UP}{{job!="",telemetry!="{Mode.OFF}"}}'
LOAD_WORKERS = 'component="load"'


def _of_containers(title: str, description: str, unit: str, expression: str) -> Panel:
    query = f"topk({MOST}, {total(expression, 'pod', 'container')})"
    return Panel(title, description, unit, (Query(query, legend("pod", "container"), Empty.NO_KUBELETS),), width=8)


def _spans(*queries: tuple[str, str, str]) -> tuple[Query, ...]:
    return tuple(
        Query(total(rate(name, who=LAB), label), f"{{{{{label}}}}} {what}", Empty.NO_COLLECTOR)
        for name, label, what in queries
    )


CLUSTER = Dashboard(
    "cluster",
    "Cluster and lab",
    "Can what is measured be trusted: pods, scrapes, telemetry, and the load generator itself?",
    choosing(),
    ANNOTATIONS,
    (
        Row(
            "Scrapes",
            (
                Panel(
                    "Targets that can't be read",
                    "By job. Above 0, every other panel about them shows nothing or less. Replicas with telemetry "
                    "off have nothing to read, and don't count.",
                    "short",
                    (Query(f"{total(TELLING, 'job', how='count')} - {total(TELLING, 'job')}", legend("job")),),
                    width=8,
                    limits=(1,),
                ),
                Panel(
                    "Time of a scrape",
                    "The slowest target of each job. Near the interval (5 s for pods, 10 s for kubelets) scrapes are "
                    "lost.",
                    "s",
                    (Query(total(f'{SCRAPE_DURATION}{{job!=""}}', "job", how="max"), legend("job")),),
                    width=8,
                    limits=(1, 4),
                ),
                Panel(
                    "Prometheus",
                    "Series that it holds, and samples that it takes in per second. Series that only rise: a label "
                    "has too many values.",
                    "short",
                    (
                        Query(total(of(HEAD_SERIES, who=LAB)), "series", Empty.NO_PROMETHEUS),
                        Query(
                            total(rate(SAMPLES_APPENDED, who=LAB)),
                            "samples per second",
                            Empty.NO_PROMETHEUS,
                        ),
                    ),
                    width=8,
                ),
            ),
        ),
        Row(
            "Pods",
            (
                panels.replicas("variant", "role"),
                panels.restarts(),
                Panel(
                    "Pods that don't start",
                    "By reason, of what an HTTPAutoscaler looks after: `CrashLoopBackOff`: see its logs; "
                    "`ImagePullBackOff`: the image is not there; `Unschedulable`: the cluster has no room.",
                    "short",
                    (
                        Query(
                            total(of(WAITING, who=LAB), "name", "reason", how="max"),
                            legend("name", "reason"),
                            Empty.NOTHING_WAITS,
                        ),
                    ),
                    width=8,
                    limits=(1,),
                ),
                panels.throttled("pod"),
                _of_containers(
                    "CPU of containers",
                    f"Cores, of the {MOST} containers that take most, platform and load included. Together near what "
                    f"the node has: all measurements are of a full machine.",
                    "none",
                    rate(CONTAINER_CPU, who=LAB),
                ),
                _of_containers(
                    "Stopped by the limit",
                    "Seconds per second in which threads of a container would have run and had no share left.",
                    "s",
                    rate(CONTAINER_THROTTLED_S, who=LAB),
                ),
                _of_containers(
                    "Memory of containers",
                    f"Working set, of the {MOST} largest. At the limit of a container the kernel ends it.",
                    "bytes",
                    of(CONTAINER_MEMORY, who=LAB),
                ),
                Panel(
                    "Network of replicas",
                    "Bytes per second that pods of each variant and role receive and send.",
                    "Bps",
                    tuple(
                        Query(
                            total(of_container(rate(name, who=LAB), "variant", "role"), "variant", "role"),
                            legend("variant", "role", after=after),
                            Empty.NO_KUBELETS,
                        )
                        for name, after in ((NETWORK_RECEIVED, " received"), (NETWORK_SENT, " sent"))
                    ),
                ),
            ),
        ),
        Row(
            "Telemetry",
            (
                Panel(
                    "Spans that wait in replicas",
                    "Share of the places that there are. At 1 the next ones are dropped: the collector is slow or "
                    "away.",
                    "percentunit",
                    (
                        Query(
                            share(
                                total(of(SPANS_WAITING.name), "variant", "role"),
                                total(of(SPANS_WAITING_MAX.name), "variant", "role"),
                            ),
                            legend("variant", "role"),
                            Empty.NO_TRACES,
                        ),
                    ),
                    width=8,
                    maximum=1,
                    limits=(0.5, 0.9),
                ),
                Panel(
                    "Spans lost by replicas",
                    "Per second: dropped because too many waited, or not taken by the collector. Above 0, traces "
                    "have holes.",
                    "ops",
                    tuple(
                        Query(
                            total(rate(metric.name, f'{Label.ERROR}!=""'), "variant", "role", Label.ERROR),
                            legend("variant", "role", Label.ERROR),
                            Empty.NOTHING_LOST,
                        )
                        for metric in (SPANS_PROCESSED, SPANS_EXPORTED)
                    ),
                    width=8,
                    limits=(0.01, 1),
                ),
                Panel(
                    "Collector: spans",
                    "Per second, in and out. Refused: it is out of memory. Not sent: Tempo or Prometheus don't take "
                    "them.",
                    "ops",
                    _spans(
                        (SPANS_ACCEPTED, "receiver", "accepted"),
                        (SPANS_REFUSED, "receiver", "refused"),
                        (SPANS_SENT, "exporter", "sent"),
                        (SPANS_NOT_SENT, "exporter", "not sent"),
                    ),
                    width=8,
                ),
                Panel(
                    "Collector: queues",
                    "Share of the places of each exporter. It fills when what comes after it is slow.",
                    "percentunit",
                    (
                        Query(
                            share(
                                total(of(EXPORT_QUEUE, who=LAB), "exporter"),
                                total(of(EXPORT_QUEUE_MAX, who=LAB), "exporter"),
                            ),
                            legend("exporter"),
                            Empty.NO_COLLECTOR,
                        ),
                    ),
                    width=8,
                    maximum=1,
                    limits=(0.5, 0.9),
                ),
            ),
        ),
        Row(
            "Load generator",
            (
                Panel(
                    "Offered and completed",
                    "Requests per second. Completed below offered for long: requests pile up, or time out.",
                    "reqps",
                    (
                        Query(total(ask.seen(LOAD_OFFERED.name), "variant"), "{{variant}} offered", Empty.NO_LOAD),
                        Query(ask.seen_rate(), "{{variant}} completed", Empty.NO_LOAD),
                    ),
                    width=8,
                ),
                Panel(
                    "Outcomes",
                    "Requests per second by what became of them: `ok`, or the kind of failure.",
                    "reqps",
                    (
                        Query(
                            total(ask.seen(LOAD_COMPLETED.name), "variant", Label.OUTCOME),
                            legend("variant", Label.OUTCOME),
                            Empty.NO_LOAD,
                        ),
                    ),
                    width=8,
                    stacked=True,
                ),
                Panel(
                    "Lag of the schedule",
                    "How late requests leave. Above 5 % of the objective the generator itself is what is measured, "
                    "and the trial is void.",
                    "s",
                    (Query(quantile(0.99, rate(f"{LOAD_LAG.name}_bucket", who=LAB)), "p99", Empty.NO_LOAD),),
                    width=8,
                    limits=(0.005, 0.025),
                ),
                Panel(
                    "CPU of load workers",
                    "Cores, by pod. Above 0.7 a worker can't keep its schedule, and the trial is void.",
                    "none",
                    (
                        Query(
                            total(
                                f"{rate(CONTAINER_CPU, who=LAB)} * on (pod) group_left () "
                                f"{total(of(UP, ask.PODS, LOAD_WORKERS, who=LAB), 'pod', how='group')}",
                                "pod",
                            ),
                            legend("pod"),
                            Empty.NO_WORKERS_OF_KUBELETS,
                        ),
                    ),
                    width=8,
                    limits=(0.5, 0.7),
                ),
            ),
        ),
    ),
)
