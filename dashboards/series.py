"""Every series that dashboards and rules may ask for, with its labels: whatever else they named, nobody would export.

Replicas and load workers: `lab.core.conventions`, as `docs/telemetry.md` has them. The other tables say whose they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lab.core.conventions import (
    LOAD_COMPLETED,
    LOAD_LAG,
    LOAD_LATENCY,
    LOAD_OFFERED,
    LOAD_RETRIED,
    MORE,
    REQUIRED,
    TRIAL_INFO,
    Metric,
)

BOUND = "le"
SCRAPED = frozenset({"job", "instance"})

# Labels of the scrape configuration in helm/platform/templates/prometheus.yaml, by job.
OF_PODS = SCRAPED | {"namespace", "pod", "variant", "role", "component", "telemetry"}
OF_CONTAINERS = SCRAPED | {"namespace", "pod", "container", "node"}

# What Prometheus tells of each target, and its client for Python of each process.
UP = "up"
SCRAPE_DURATION = "scrape_duration_seconds"
SCRAPE_SAMPLES = "scrape_samples_scraped"
STARTED = "process_start_time_seconds"

# The kubelets' cAdvisor: what the scrape configuration keeps.
CONTAINER_CPU = "container_cpu_usage_seconds_total"
CONTAINER_PERIODS = "container_cpu_cfs_periods_total"
CONTAINER_THROTTLED = "container_cpu_cfs_throttled_periods_total"
CONTAINER_THROTTLED_S = "container_cpu_cfs_throttled_seconds_total"
CONTAINER_MEMORY = "container_memory_working_set_bytes"
CONTAINER_RSS = "container_memory_rss"
CONTAINER_STARTED = "container_start_time_seconds"
NETWORK_RECEIVED = "container_network_receive_bytes_total"
NETWORK_SENT = "container_network_transmit_bytes_total"

# operator/scaler/metrics.py. `exported_namespace` is the resource's: the pod's own is `namespace`.
DESIRED = "lab_autoscaler_desired_replicas"
ASKED_FOR = "lab_autoscaler_current_replicas"
RULE_NEED = "lab_autoscaler_rule_replicas"
WAITING = "lab_autoscaler_waiting_pods"
DECISIONS = "lab_autoscaler_decisions_total"
SCRAPE_ERRORS = "lab_autoscaler_scrape_errors_total"
API_REQUESTS = "lab_autoscaler_api_requests_total"
TICK_DURATION = "lab_autoscaler_tick_duration_seconds"
TICK_LATENESS = "lab_autoscaler_tick_lateness_seconds"
LAST_TICK_AGE = "lab_autoscaler_last_tick_age_seconds"
RESOURCES = "lab_autoscaler_resources"
TASKS = "lab_autoscaler_tasks"
OF_RESOURCE = frozenset({"exported_namespace", "name"})
OPERATOR: Mapping[str, tuple[str, frozenset[str]]] = {
    DESIRED: ("gauge", OF_RESOURCE),
    ASKED_FOR: ("gauge", OF_RESOURCE),
    RULE_NEED: ("gauge", OF_RESOURCE | {"rule"}),
    WAITING: ("gauge", OF_RESOURCE | {"reason"}),
    DECISIONS: ("counter", OF_RESOURCE | {"reason"}),
    SCRAPE_ERRORS: ("counter", frozenset({"fault"})),
    API_REQUESTS: ("counter", frozenset({"method", "status"})),
    TICK_DURATION: ("histogram", frozenset()),
    TICK_LATENESS: ("histogram", frozenset()),
    LAST_TICK_AGE: ("gauge", frozenset()),
    RESOURCES: ("gauge", frozenset()),
    TASKS: ("gauge", frozenset()),
}

# The collector of itself (`_total` since its readers are configured), and what it counts of spans and writes remotely.
# https://opentelemetry.io/docs/collector/internal-telemetry/
SPANS_ACCEPTED = "otelcol_receiver_accepted_spans_total"
SPANS_REFUSED = "otelcol_receiver_refused_spans_total"
SPANS_SENT = "otelcol_exporter_sent_spans_total"
SPANS_NOT_SENT = "otelcol_exporter_send_failed_spans_total"
EXPORT_QUEUE = "otelcol_exporter_queue_size"
EXPORT_QUEUE_MAX = "otelcol_exporter_queue_capacity"
SPANS_COUNTED = "traces_span_metrics_calls_total"
OF_SPANS = SCRAPED | {"variant", "role", "span_name", "span_kind", "status_code"}

# Prometheus of itself.
HEAD_SERIES = "prometheus_tsdb_head_series"
SAMPLES_APPENDED = "prometheus_tsdb_head_samples_appended_total"


def _expanded(name: str, kind: str, labels: Iterable[str]) -> Iterator[tuple[str, frozenset[str]]]:
    if kind == "histogram":
        yield f"{name}_bucket", frozenset({*labels, BOUND})
        yield f"{name}_sum", frozenset(labels)
        yield f"{name}_count", frozenset(labels)
    else:
        yield name, frozenset(labels)


def _of_metrics(metrics: Iterable[Metric]) -> Iterator[tuple[str, frozenset[str]]]:
    for metric in metrics:
        yield from _expanded(metric.name, metric.type, OF_PODS | set(metric.labels))


# Labels by the series' whole name: a histogram is its buckets, sum and count.
SERIES: Mapping[str, frozenset[str]] = {
    **dict(
        _of_metrics((*REQUIRED, *MORE, LOAD_OFFERED, LOAD_COMPLETED, LOAD_RETRIED, LOAD_LATENCY, LOAD_LAG, TRIAL_INFO))
    ),
    **dict.fromkeys((UP, SCRAPE_DURATION, SCRAPE_SAMPLES), OF_PODS | OF_CONTAINERS),
    STARTED: OF_PODS,
    **dict.fromkeys(
        (
            CONTAINER_CPU,
            CONTAINER_PERIODS,
            CONTAINER_THROTTLED,
            CONTAINER_THROTTLED_S,
            CONTAINER_MEMORY,
            CONTAINER_RSS,
            CONTAINER_STARTED,
        ),
        OF_CONTAINERS,
    ),
    **{name: OF_CONTAINERS - {"container"} | {"interface"} for name in (NETWORK_RECEIVED, NETWORK_SENT)},
    **{
        series: labels
        for name, (kind, own) in OPERATOR.items()
        for series, labels in _expanded(name, kind, OF_PODS | own)
    },
    **{name: OF_PODS | {"receiver", "transport"} for name in (SPANS_ACCEPTED, SPANS_REFUSED)},
    **{name: OF_PODS | {"exporter"} for name in (SPANS_SENT, SPANS_NOT_SENT, EXPORT_QUEUE, EXPORT_QUEUE_MAX)},
    SPANS_COUNTED: OF_SPANS,
    **dict.fromkeys((HEAD_SERIES, SAMPLES_APPENDED), OF_PODS),
}
