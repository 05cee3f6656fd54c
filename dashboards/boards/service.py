"""Service: what one variant does in one role, and what it waits for."""

from __future__ import annotations

from dashboards import ask, panels
from dashboards.ask import of, quantile, rate, total
from dashboards.empty import Empty
from dashboards.frame import ANNOTATIONS, choosing
from dashboards.model import Dashboard, Kind, Panel, Query, Row
from dashboards.panels import legend
from dashboards.series import SPANS_COUNTED
from lab.core.conventions import (
    ACTIVE,
    CALLS,
    CONNECTIONS,
    CONNECTIONS_MAX,
    CPU,
    DURATION,
    MEMORY,
    MORE,
    PENDING,
    QUEUE_TIME,
    WAIT_TIME,
    WORKERS,
    Label,
)

LOOP_LAG, GC_PAUSE, THREADS_MAX, THREADS_ACTIVE, THREADS_QUEUED = (metric.name for metric in MORE)


def _seconds(title: str, description: str, name: str, *by: str, why: Empty | None = None) -> Panel:
    buckets = rate(f"{name}_bucket")
    return Panel(
        title,
        description,
        "s",
        (Query(quantile(0.99, buckets, *by), legend(*by, after=" p99").strip(), why),),
        width=8,
    )


def _kubectl() -> str:
    return (
        "A trace id from the table or from an exemplar finds its lines in the logs:\n\n"
        "```\nkubectl --namespace $namespace logs --tail=-1 --prefix \\\n"
        "  --selector frameworklab.dev/variant=$variant,frameworklab.dev/role=$role | grep TRACE_ID\n```\n\n"
        "Without `--selector` of the role, the lines of the services that it asked are there, too. On the embedded "
        "runtime: `lab logs NAME`, and `lab trace ID` for the trace."
    )


SERVICE = Dashboard(
    "service",
    "Service",
    "Why is this variant slow, or failing, in this role? From its requests down to what it waits for.",
    choosing(several=False),
    ANNOTATIONS,
    (
        Row("Is it there?", (panels.state(),)),
        Row(
            "Requests",
            (
                panels.answered(Label.ROUTE),
                panels.failures(Label.ROUTE),
                panels.latency(Label.ROUTE, shares=(0.99,)),
                panels.heat(),
                Panel(
                    "Answers by status",
                    "All of them. 4xx that rise: a client changed, or tokens ran out; 503: a dependency is away.",
                    "reqps",
                    (Query(ask.counted(DURATION, Label.STATUS), legend(Label.STATUS)),),
                    stacked=True,
                ),
                panels.queue(),
            ),
        ),
        Row(
            "Saturation",
            (
                panels.busy("pod"),
                Panel(
                    "Under way",
                    "Requests that the application works on, and how many it can at a time (workers). At the number of "
                    "threads the rest waits; an event loop takes on all, and what it waits for says why.",
                    "short",
                    (
                        Query(total(of(ACTIVE.name), "pod"), legend("pod")),
                        Query(total(of(WORKERS.name)), "workers, all replicas"),
                    ),
                    width=8,
                ),
                _seconds(
                    "Time in the queue",
                    "From when the server had a request until the application got it. The part of a client's latency "
                    "that no service's own has.",
                    QUEUE_TIME.name,
                    "pod",
                ),
                _seconds(
                    "Lag of the event loop",
                    "How late a timer ran that was due. Over 10 ms, something computes on the loop, or the CPU limit "
                    "stops it; every request under way waits as long.",
                    LOOP_LAG,
                    "pod",
                    why=Empty.NO_LOOP,
                ),
                Panel(
                    "Threads beside those that serve",
                    "At work, waiting, and how many there may be. All at work and tasks that wait: what they do is "
                    "slow.",
                    "short",
                    tuple(
                        Query(total(of(name), Label.THREADS), legend(Label.THREADS, after=after), Empty.NO_POOL)
                        for name, after in (
                            (THREADS_ACTIVE, " at work"),
                            (THREADS_QUEUED, " waiting"),
                            (THREADS_MAX, " at most"),
                        )
                    ),
                    width=8,
                ),
                panels.replicas(),
            ),
        ),
        Row(
            "Dependencies",
            (
                Panel(
                    "Connections to the database",
                    "Used, idle, and how many there may be. All used, and somebody waits: the database is slow, or "
                    "transactions are long; more connections move the queue into the database.",
                    "short",
                    (
                        Query(total(of(CONNECTIONS.name), Label.STATE), legend(Label.STATE), Empty.NO_DATABASE),
                        Query(total(of(PENDING.name)), "waiting for one", Empty.NO_DATABASE),
                        Query(total(of(CONNECTIONS_MAX.name)), "at most", Empty.NO_DATABASE),
                    ),
                    width=8,
                ),
                _seconds(
                    "Waiting for a connection",
                    "Until a request has a connection. It has none to wait for where each thread keeps its own.",
                    WAIT_TIME.name,
                    why=Empty.NO_DATABASE,
                ),
                Panel(
                    "Calls to the catalog",
                    "By status, or by error where there was no answer. More of them than orders: retries.",
                    "reqps",
                    (
                        Query(
                            ask.counted(CALLS, Label.STATUS, Label.ERROR),
                            legend(Label.STATUS, Label.ERROR),
                            Empty.NO_CALLS,
                        ),
                    ),
                    width=8,
                    stacked=True,
                ),
                _seconds(
                    "Latency of calls to the catalog",
                    "As this service sees it. Much above the catalog's own: look at the catalog's queues.",
                    CALLS.name,
                    why=Empty.NO_CALLS,
                ),
            ),
        ),
        Row(
            "Runtime",
            (
                Panel(
                    "CPU of each replica",
                    "Cores, of the process that serves. One far above others: connections are not balanced.",
                    "none",
                    (Query(total(rate(CPU.name), "pod"), legend("pod")),),
                    width=8,
                ),
                panels.throttled("pod"),
                Panel(
                    "Memory of each replica",
                    "Resident memory of the process that serves. A line that only rises is a leak.",
                    "bytes",
                    (Query(total(of(MEMORY.name), "pod"), legend("pod")),),
                    width=8,
                ),
                Panel(
                    "Stopped by the garbage collector",
                    "Share of time in which every thread stood still. Over 1 %, or long pauses of generation 2: many "
                    "objects live long.",
                    "percentunit",
                    (
                        Query(
                            total(rate(f"{GC_PAUSE}_sum"), Label.GENERATION, how="avg"),
                            f"generation {legend(Label.GENERATION)}",
                        ),
                    ),
                    width=8,
                    limits=(0.01, 0.05),
                ),
                panels.restarts(),
            ),
        ),
        Row(
            "What failed",
            (
                Panel(
                    "Spans that failed",
                    "Per second, of the requests that are traced. Which step of a request fails: its own, a "
                    "statement, a call.",
                    "reqps",
                    (
                        Query(
                            total(
                                rate(SPANS_COUNTED, ask.ROLE, 'status_code="STATUS_CODE_ERROR"', who=ask.VARIANT),
                                "span_name",
                            ),
                            legend("span_name"),
                            Empty.NO_FAILED_SPANS,
                        ),
                    ),
                    width=8,
                ),
                Panel(
                    "Traces that failed",
                    "The newest. Click one to see where its time went and which step broke; empty where nothing "
                    "failed or nothing is traced.",
                    "none",
                    (
                        Query(
                            '{resource.service.name=~"$role" && resource.lab.variant=~"$variant" && status=error}',
                            "traces",
                        ),
                    ),
                    kind=Kind.TRACES,
                    width=16,
                ),
                Panel("From a trace to its logs", _kubectl(), "none", (), kind=Kind.TEXT, width=24, height=6),
            ),
        ),
    ),
)
