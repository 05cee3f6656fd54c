"""What Prometheus would have scraped of a lab in which something happens, for `promtool test rules`.

A life is a sequence of phases; a phase lasts for steps, and has what is told in each: rates are per second, shares of
1. A step is 5 s of a lab, a minute of production.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from dashboards.rules.files import groups
from dashboards.rules.scale import Scale
from lab.core.operations import Operation

Samples = Mapping[str, Sequence[float | None]]  # of each series, one a step; None: it is not there
Tell = Callable[["Phase"], float | None]

STARTED_S = 1_700_000_000
QUICK_LE, SLOW_LE = ("0.1", "0.25", "0.5"), ("1.0", "+Inf")


def step_s(scale: Scale, coarse: int = 1) -> int:
    return 60 * coarse // scale.divisor


@dataclass(frozen=True, slots=True)
class Phase:
    """Whole defaults are a healthy replica with 20 requests a second, none of which is an order.

    `up` 0: it can't be scraped, None: it is gone; `restarted`: the process is a new one. `seen_*` and `retried` are
    what clients saw of `offered`; `tries` are of the event loop.
    """

    steps: int
    up: int | None = 1
    restarted: bool = False
    served: float = 20
    slow: float = 0
    queued: float = 0
    failed: float = 0
    waiting: float = 0
    tries: float = 10
    throttled: float = 0
    used: float = 2
    pending: float = 0
    dropped: float = 0
    not_taken: float = 0
    orders: float = 0
    calls: float = 0
    offered: float = 20
    seen_slow: float = 0
    seen_failed: float = 0
    retried: float = 0
    refused: float = 0
    blind: float = 0
    broken: float = 0
    unread: float = 0
    desired: float = 2


def replica(order: Operation, pod: str, *phases: Phase, role: str = "catalog", variant: str = "one") -> Samples:
    """All that a service's pod has told, and what the kubelet tells of it."""
    of = f'job="pods", namespace="framework-lab", pod="{pod}", variant="{variant}", role="{role}"'
    route = f'{of}, http_request_method="GET", http_route="/products"'
    placed = f'{of}, http_request_method="{order.method}", http_route="{order.path}", http_response_status_code="201"'
    container = f'job="cadvisor", namespace="framework-lab", pod="{pod}", container="service", node="node"'
    ok, bad = f'{route}, http_response_status_code="200"', f'{route}, http_response_status_code="503"'
    counters: dict[str, Tell] = {
        f"http_server_request_duration_seconds_count{{{ok}}}": lambda at: at.served * (1 - at.failed) - at.orders,
        f"http_server_request_duration_seconds_count{{{bad}}}": lambda at: at.served * at.failed,
        **_buckets("http_server_request_duration_seconds_bucket", ok, lambda at: at.served, lambda at: at.slow),
        **_buckets("http_server_queue_time_seconds_bucket", of, lambda at: at.served, lambda at: at.queued),
        f"http_server_queue_time_seconds_count{{{of}}}": lambda at: at.served,
        f"event_loop_lag_seconds_count{{{of}}}": lambda at: at.tries,
        f'otel_sdk_processor_span_processed_total{{{of}, error_type="queue_full"}}': lambda at: at.dropped,
        f'otel_sdk_processor_span_processed_total{{{of}, error_type=""}}': lambda at: at.served,
        f'otel_sdk_exporter_span_exported_total{{{of}, error_type="failed"}}': lambda at: at.not_taken,
    }
    if role == order.role:
        counters[f"http_server_request_duration_seconds_count{{{placed}}}"] = lambda at: at.orders
        counters[f'http_client_request_duration_seconds_count{{{of}, http_request_method="GET"}}'] = lambda at: at.calls
    cpu: dict[str, Tell] = {
        f"container_cpu_cfs_periods_total{{{container}}}": lambda _: 10,
        f"container_cpu_cfs_throttled_periods_total{{{container}}}": lambda at: 10 * at.throttled,
    }
    gauges: dict[str, Tell] = {
        f'db_client_connection_count{{{of}, db_client_connection_state="used"}}': lambda at: at.used,
        f"db_client_connection_max{{{of}}}": lambda _: 4,
        f"db_client_connection_pending_requests{{{of}}}": lambda at: at.pending,
        f'http_server_queue_length{{{of}, queue="executor"}}': lambda at: at.waiting,
    }
    starts = f"process_start_time_seconds{{{of}}}"
    return {
        f"up{{{of}}}": [phase.up for phase in phases for _ in range(phase.steps)],
        starts: list(_starts(phases)),
        **{name: list(_counted(phases, tell)) for name, tell in {**counters, **cpu}.items()},
        **{name: list(_told(phases, tell)) for name, tell in gauges.items()},
    }


def clients(*phases: Phase, variant: str = "one", scenario: str = "mixed") -> Samples:
    """What a load worker told."""
    of = f'job="pods", pod="load-0", component="load", variant="{variant}", scenario="{scenario}"'
    counters: dict[str, Tell] = {
        f"lab_load_offered_total{{{of}}}": lambda at: at.offered,
        f'lab_load_completed_total{{{of}, outcome="ok"}}': lambda at: at.offered * (1 - at.seen_failed),
        f'lab_load_completed_total{{{of}, outcome="timeout"}}': lambda at: at.offered * at.seen_failed,
        f"lab_load_retried_total{{{of}}}": lambda at: at.retried * at.offered,
        f"lab_load_latency_seconds_count{{{of}}}": lambda at: at.offered,
        **_buckets("lab_load_latency_seconds_bucket", of, lambda at: at.offered, lambda at: at.seen_slow),
    }
    return {name: list(_counted(phases, tell)) for name, tell in counters.items()}


def collector(*phases: Phase) -> Samples:
    of = 'job="pods", pod="otel-collector-1", component="otel-collector", instance="10.0.0.1:8888"'
    refused = f"otelcol_receiver_refused_spans_total{{{of}}}"
    return {
        f"up{{{of}}}": [phase.up for phase in phases for _ in range(phase.steps)],
        refused: list(_counted(phases, lambda at: at.refused)),
    }


def silent(*phases: Phase) -> Samples:
    """A replica whose telemetry is off: its metrics are not found."""
    of = 'job="pods", pod="silent", variant="one", role="catalog", telemetry="off"'
    return {f"up{{{of}}}": [0 for phase in phases for _ in range(phase.steps)]}


def kubelet(*phases: Phase) -> Samples:
    return {
        'up{job="cadvisor", node="node", instance="10.0.0.2:10250"}': [of.up for of in phases for _ in range(of.steps)]
    }


def autoscaler(*phases: Phase, name: str = "one-catalog") -> Samples:
    """One decision in 5 s."""
    of = 'job="pods", namespace="framework-lab", pod="operator-1", component="operator"'
    resource = f'{of}, exported_namespace="framework-lab", name="{name}"'
    counters: dict[str, Tell] = {
        f'lab_autoscaler_decisions_total{{{resource}, reason="NoData"}}': lambda at: 0.2 * at.blind,
        f'lab_autoscaler_decisions_total{{{resource}, reason="TickFailed"}}': lambda at: 0.2 * at.broken,
        f'lab_autoscaler_decisions_total{{{resource}, reason="WithinTarget"}}': lambda at: (
            0.2 * (1 - at.blind - at.broken)
        ),
        f'lab_autoscaler_scrape_errors_total{{{of}, fault="NoAnswer"}}': lambda at: at.unread,
    }
    desired = f"lab_autoscaler_desired_replicas{{{resource}}}"
    return {
        **{series: list(_counted(phases, tell)) for series, tell in counters.items()},
        desired: list(_told(phases, lambda at: at.desired)),
    }


def promtool(
    scale: Scale, rules: str, samples: Iterable[Samples], expects: Iterable[Mapping[str, Any]], coarse: int
) -> Any:
    """The document of a test; counters of `samples` are per second until now.

    What one group records others read at the same time, and steps may be longer than Prometheus looks back.
    """
    every_s = step_s(scale, coarse)
    series = [
        {"series": name, "values": " ".join(_written(values, every_s if _is_counter(name) else 1))}
        for one in samples
        for name, values in one.items()
    ]
    return {
        "rule_files": [rules],
        "evaluation_interval": f"{every_s}s",
        "group_eval_order": [group.name for group in groups(scale)],
        "tests": [{"interval": f"{every_s}s", "input_series": series, "promql_expr_test": list(expects)}],
    }


def _is_counter(series: str) -> bool:
    return (
        series.partition("{")[0].endswith(("_total", "_count", "_bucket"))
        and "db_client_connection_count" not in series
    )


def _written(values: Sequence[float | None], factor: int) -> Iterator[str]:
    there = False
    for value in values:
        yield f"{value * factor:.12g}" if value is not None else "stale" if there else "_"
        there = value is not None


def _buckets(metric: str, labels: str, rate: Tell, slow: Tell) -> dict[str, Tell]:
    """Slow ones take SLOW_S."""

    def quick(at: Phase) -> float:
        return (rate(at) or 0) * (1 - (slow(at) or 0))

    return {
        **{f'{metric}{{{labels}, le="{bound}"}}': quick for bound in QUICK_LE},
        **{f'{metric}{{{labels}, le="{bound}"}}': rate for bound in SLOW_LE},
    }


def _counted(phases: Sequence[Phase], rate: Tell) -> Iterator[float | None]:
    """Sums over steps, of a process that can be scraped; whoever begins anew begins at 0."""
    value = 0.0
    for phase in phases:
        if phase.restarted:
            value = 0.0
        for _ in range(phase.steps):
            yield value if phase.up == 1 else None
            value += rate(phase) or 0


def _told(phases: Sequence[Phase], value: Tell) -> Iterator[float | None]:
    for phase in phases:
        for _ in range(phase.steps):
            yield value(phase) if phase.up == 1 else None


def _starts(phases: Sequence[Phase]) -> Iterator[float | None]:
    starts = count(STARTED_S, 1000)
    now = next(starts)
    for phase in phases:
        if phase.restarted:
            now = next(starts)
        yield from ([now] if phase.up == 1 else [None]) * phase.steps
