"""Trial: one trial of a run, chosen by its id, and nothing around it."""

from __future__ import annotations

from dashboards import ask, panels
from dashboards.ask import LAB, SCRAPE_S, VARIANT, of, over_range, quantile, rate, seen, share, total
from dashboards.empty import Empty
from dashboards.frame import ANNOTATIONS, OBJECTIVES, choosing
from dashboards.model import Dashboard, Kind, Panel, Query, Row, Variable
from dashboards.panels import legend
from dashboards.series import BOUND
from lab.core.conventions import ACTIVE, CPU, DURATION, LOAD_COMPLETED, LOAD_LAG, LOAD_LATENCY, TRIAL_INFO, Label

RUN = 'run="$run"'
CHOSEN = of(TRIAL_INFO.name, VARIANT, RUN, 'trial="$trial"', who=LAB)


def _during(expression: str) -> str:
    """Of replicas: only while the trial runs, and only of its variant."""
    return f"{expression} and on (variant) {CHOSEN}"


def _in_trial(name: str, *matchers: str, by: str = "") -> str:
    """What load workers counted from the first scrape in the trial to the last one."""
    counter = f"{of(name, VARIANT, *matchers, who=LAB)} and on (pod, {Label.VARIANT}) {CHOSEN}"
    last, first = (over_range(counter, how, SCRAPE_S) for how in ("max_over_time", "min_over_time"))
    return total(f"{last} - {first}", *filter(None, (Label.VARIANT, by)))


def _stat(title: str, description: str, unit: str, expression: str, *limits: float) -> Panel:
    queries = (Query(expression, legend(Label.VARIANT), Empty.NO_TRIAL),)
    return Panel(title, description, unit, queries, kind=Kind.STAT, width=6, height=5, limits=limits)


_OK = _in_trial(LOAD_COMPLETED.name, ask.OK)
_EVERY = _in_trial(f"{LOAD_LATENCY.name}_count")
_BUCKETS = _in_trial(f"{LOAD_LATENCY.name}_bucket", by=BOUND)
_IN_TIME = _in_trial(f"{LOAD_LATENCY.name}_bucket", ask.IN_TIME)

TRIAL = Dashboard(
    "trial",
    "Trial",
    "What happened in this one trial: what was offered, what clients saw, and what the services did meanwhile?",
    (
        *choosing(),
        Variable("run", "Run", Label.RUN, of(TRIAL_INFO.name, who=LAB), several=False),
        Variable("trial", "Trial", Label.TRIAL, of(TRIAL_INFO.name, RUN, who=LAB), several=False),
        *OBJECTIVES,
    ),
    ANNOTATIONS,
    (
        Row(
            "All of it",
            (
                _stat(
                    "Requests settled",
                    "Answered or failed, from the first scrape in the trial to the last: up to 10 s of it are "
                    "missing. Choose a range that holds all of the trial.",
                    "short",
                    _EVERY,
                ),
                _stat(
                    "Share that failed",
                    "For clients, of the whole trial.",
                    "percentunit",
                    f"1 - {share(_OK, _EVERY)}",
                    0.001,
                ),
                _stat(
                    "p99 for clients",
                    "From when requests were due, of the whole trial, as its buckets tell it; the report has it "
                    "exactly.",
                    "s",
                    f"histogram_quantile(0.99, {_BUCKETS})",
                ),
                _stat(
                    "Share that was late",
                    "Of the requests, over `99 % within`. Up to 1 % keeps the objective.",
                    "percentunit",
                    f"1 - {share(_IN_TIME, _EVERY)}",
                    0.01,
                ),
            ),
        ),
        Row(
            "What clients saw",
            (
                panels.clients_rate(CHOSEN),
                panels.clients_failures(CHOSEN),
                panels.clients_latency(CHOSEN),
                Panel(
                    "Outcomes",
                    "Requests per second by what became of them.",
                    "reqps",
                    (
                        Query(
                            total(seen(LOAD_COMPLETED.name, during=CHOSEN), Label.OUTCOME),
                            legend(Label.OUTCOME),
                            Empty.NO_TRIAL,
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Lag of the schedule",
                    "How late requests left. Above 5 % of the objective the trial is void.",
                    "s",
                    (
                        Query(
                            quantile(0.99, f"({rate(f'{LOAD_LAG.name}_bucket', who=LAB)} and on (pod) {CHOSEN})"),
                            "p99",
                            Empty.NO_TRIAL,
                        ),
                    ),
                ),
            ),
        ),
        Row(
            "What services did meanwhile",
            (
                Panel(
                    "Requests answered",
                    "Per second, of the variant's replicas by role. A stack of several variants has a name of its own: "
                    "see Compare for the time of the trial.",
                    "reqps",
                    (
                        Query(
                            _during(ask.counted(DURATION, "variant", "role")), legend("variant", "role"), Empty.NO_TRIAL
                        ),
                    ),
                    width=8,
                ),
                Panel(
                    "Latency of services",
                    "p99 by role, without queues.",
                    "s",
                    (
                        Query(
                            _during(ask.latency(0.99, DURATION, "variant", "role")),
                            legend("variant", "role"),
                            Empty.NO_TRIAL,
                        ),
                    ),
                    width=8,
                ),
                Panel(
                    "Under way",
                    "Requests that replicas work on, by role.",
                    "short",
                    (
                        Query(
                            _during(total(of(ACTIVE.name), "variant", "role")),
                            legend("variant", "role"),
                            Empty.NO_TRIAL,
                        ),
                    ),
                    width=8,
                ),
                Panel(
                    "CPU",
                    "Cores, of all replicas of a role.",
                    "none",
                    (
                        Query(
                            _during(total(rate(CPU.name), "variant", "role")), legend("variant", "role"), Empty.NO_TRIAL
                        ),
                    ),
                    width=8,
                ),
                Panel(
                    "Replicas",
                    "That can be read. A change in a trial that is not about scaling makes it void.",
                    "short",
                    (Query(_during(ask.readable("variant", "role")), legend("variant", "role"), Empty.NO_TRIAL),),
                    width=8,
                ),
                Panel(
                    "Busy share of workers",
                    "Of threads or event loops, by role.",
                    "percentunit",
                    tuple(
                        Query(_during(query.expression), query.legend, Empty.NO_TRIAL)
                        for query in panels.busy("variant", "role").queries
                    ),
                    width=8,
                    maximum=1,
                ),
            ),
        ),
    ),
    range="now-1h",
)
