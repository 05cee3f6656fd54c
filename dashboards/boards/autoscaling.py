"""Autoscaling: whether replicas follow the load, who decided it, and what it cost."""

from __future__ import annotations

from dashboards import ask, panels
from dashboards.ask import STEP_S, of, over_range, quantile, rate, total
from dashboards.empty import Empty
from dashboards.frame import ANNOTATIONS, OBJECTIVES, choosing
from dashboards.model import Dashboard, Kind, Panel, Query, Row
from dashboards.panels import legend
from dashboards.series import (
    API_REQUESTS,
    ASKED_FOR,
    DECISIONS,
    DESIRED,
    LAST_TICK_AGE,
    RULE_NEED,
    SCRAPE_ERRORS,
    TICK_DURATION,
    TICK_LATENESS,
)
from lab.core.conventions import LOAD_OFFERED, Label


def _decided(name: str) -> str:
    return total(of(name, who=ask.LAB), "name", how="max")


AUTOSCALING = Dashboard(
    "autoscaling",
    "Autoscaling",
    "Do replicas follow the load in time, who decided it and why, and what did it cost?",
    (*choosing(), *OBJECTIVES),
    ANNOTATIONS,
    (
        Row(
            "Load and replicas",
            (
                Panel(
                    "Load and replicas",
                    "What clients offer (left), and replicas that answer (right). Replicas should step up within "
                    "seconds of the load, and down minutes after it. It shows any autoscaler, the HPA among them.",
                    "reqps",
                    (
                        Query(total(ask.seen(LOAD_OFFERED.name), Label.VARIANT), "{{variant}} offered", Empty.NO_LOAD),
                        Query(ask.readable("variant", "role"), "{{variant}} {{role}} replicas", right=True),
                    ),
                    width=24,
                ),
                Panel(
                    "Decided and asked for",
                    "Of each HTTPAutoscaler: what it decided, and what its target was asked for. Apart for long: mode "
                    "`DryRun`, a conflict, or no right to scale; `lab explain NAME` says it.",
                    "short",
                    (
                        Query(_decided(DESIRED), legend("name", after=" decided"), Empty.NO_OPERATOR),
                        Query(_decided(ASKED_FOR), legend("name", after=" asked for"), Empty.NO_OPERATOR),
                    ),
                ),
                Panel(
                    "What each rule asks for",
                    "Replicas, before tolerance, holding and bounds. The highest counts.",
                    "short",
                    (
                        Query(
                            total(of(RULE_NEED, who=ask.LAB), "name", "rule", how="max"),
                            legend("name", "rule"),
                            Empty.NO_RULES,
                        ),
                    ),
                ),
                Panel(
                    "Reasons",
                    "Decisions per second, by reason; docs/autoscaling.md says what each means. `NoData`, "
                    "`PartialData`, `DependencySaturated` and `Replicas...` are no lack of replicas: look there "
                    "instead.",
                    "ops",
                    (
                        Query(
                            total(rate(DECISIONS, who=ask.LAB), "name", "reason"),
                            legend("name", "reason"),
                            Empty.NO_OPERATOR,
                        ),
                    ),
                    stacked=True,
                ),
                panels.cpu("variant", "role"),
            ),
        ),
        Row(
            "What came of it",
            (
                panels.clients_latency(),
                Panel(
                    "Time out of the objective",
                    "Share of the time that is shown in which p99 for clients was above `99 % within`. Time without "
                    "load counts as within.",
                    "percentunit",
                    (
                        Query(
                            over_range(f"{ask.seen_latency(0.99)} > bool $objective", "avg_over_time"),
                            legend("variant"),
                            Empty.NO_LOAD,
                        ),
                    ),
                    kind=Kind.STAT,
                    width=8,
                    limits=(0.01, 0.05),
                ),
                Panel(
                    "Pod-seconds",
                    "Replicas times seconds, over the time that is shown: what the service took. Compare it at equal "
                    "time out of the objective.",
                    "short",
                    (Query(f"{STEP_S} * {over_range(ask.targets('variant', 'role'))}", legend("variant", "role")),),
                    kind=Kind.STAT,
                    width=8,
                ),
                panels.busy("variant", "role"),
                panels.queue("variant", "role"),
            ),
        ),
        Row(
            "The operator",
            (
                Panel(
                    "Age of the last tick",
                    "Of the resource that waits longest. A tick is due every 5 s: above 15 s nobody decides.",
                    "s",
                    (Query(total(of(LAST_TICK_AGE, who=ask.LAB), "pod", how="max"), legend("pod"), Empty.NO_OPERATOR),),
                    width=8,
                    limits=(15, 60),
                ),
                Panel(
                    "Ticks",
                    "How late they begin and how long they take. Seconds: the API or the replicas answer slowly.",
                    "s",
                    (
                        Query(
                            quantile(0.99, rate(f"{TICK_LATENESS}_bucket", who=ask.LAB)), "late p99", Empty.NO_OPERATOR
                        ),
                        Query(
                            quantile(0.99, rate(f"{TICK_DURATION}_bucket", who=ask.LAB)), "takes p99", Empty.NO_OPERATOR
                        ),
                    ),
                    width=8,
                ),
                Panel(
                    "Replicas that told nothing",
                    "When the operator asked, per second, by fault. It decides on the others, and never down.",
                    "ops",
                    (Query(total(rate(SCRAPE_ERRORS, who=ask.LAB), "fault"), legend("fault"), Empty.NOTHING_FAILED),),
                    width=8,
                ),
                Panel(
                    "Requests to the API",
                    "Per second, of ticks. 403: a right is missing; 409: somebody else writes the same; no status: "
                    "no answer.",
                    "reqps",
                    (
                        Query(
                            total(rate(API_REQUESTS, who=ask.LAB), "method", "status"),
                            legend("method", "status"),
                            Empty.NO_OPERATOR,
                        ),
                    ),
                    width=8,
                ),
            ),
        ),
    ),
)
