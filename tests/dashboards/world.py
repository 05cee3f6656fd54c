"""A lab in which everything is there and tells something, as series for `promtool test rules`: one sample in 5 s.

Two variants play all roles with two replicas each; two load workers ask the first one, in a trial.
"""

from __future__ import annotations

import itertools

from dashboards.series import (
    BOUND,
    OF_CONTAINERS,
    OF_PODS,
    SERIES,
    SPANS_COUNTED,
    STARTED,
    UP,
)
from lab.core.conventions import LOAD_OK, TRIAL_INFO

SCRAPE_S = 5
SAMPLES = 240
VALUES = {
    "namespace": "lab",
    "variant": "one|two",
    "role": "catalog|orders",
    "run": "a-run",
    "trial": "a-trial",
    "__rate_interval": "20s",
    "__range": "900s",
}
ROLES = ("catalog", "orders")
Labels = dict[str, str]
Series = dict[str, str]

POD = {"job": "pods", "namespace": "lab"}
REPLICAS: list[Labels] = [
    {"variant": variant, "role": role, "pod": f"{variant}-{role}-{number}", "telemetry": "official-5"}
    for variant in ("one", "two")
    for role in ROLES
    for number in range(2)
]
LATE = "two-orders-1"  # has just come
WORKERS: list[Labels] = [{"component": "load", "pod": f"load-{number}"} for number in range(2)]

# Values of labels whose values matter to an expression; others are `x`.
OWN = {
    "outcome": (LOAD_OK, "timeout"),
    "http_response_status_code": ("200", "500"),
    "error_type": ("", "queue_full"),
    "status_code": ("STATUS_CODE_ERROR",),
    BOUND: ("0.005", "0.1", "0.25", "0.5", "+Inf"),
}


def series() -> list[Series]:
    """As the members of `input_series`."""
    found = []
    for name, labels in SERIES.items():
        for target in _targets(name):
            own = sorted(labels - target.keys() - OF_PODS - OF_CONTAINERS)
            for values in itertools.product(*(OWN.get(label, ("x",)) for label in own)):
                told = target | dict(zip(own, values, strict=True))
                matchers = ",".join(f'{label}="{value}"' for label, value in told.items() if value)
                found.append({"series": f"{name}{{{matchers}}}", "values": _values(name, told)})
    return found


def _values(name: str, labels: Labels) -> str:
    if name == UP and labels.get("pod") == LATE:
        return f"_x{SAMPLES - 2} 1x2"
    if name == UP:
        return f"1x{SAMPLES}"
    if name == STARTED:
        return f"0x{SAMPLES // 2} {SAMPLES * SCRAPE_S - 10}x{SAMPLES // 2}"
    if name.endswith("_bucket"):
        growth = OWN[BOUND].index(labels[BOUND]) + 1
    elif name.endswith(("_total", "_count", "_sum")):
        growth = len(OWN[BOUND])
    else:
        return f"2x{SAMPLES}"
    return f"0+{growth}x{SAMPLES}"


def _targets(name: str) -> list[Labels]:
    """The labels that scraping adds, or remote writing."""
    if name == SPANS_COUNTED:
        return [{"job": "span_metrics", "variant": "one", "role": role} for role in ROLES]
    if name.startswith("container_"):
        kubelet = {"job": "cadvisor", "namespace": "lab", "node": "node", "container": "service"}
        return [kubelet | {"pod": pod["pod"]} for pod in (*REPLICAS, *WORKERS)]
    if name == UP:
        return [POD | pod for pod in (*REPLICAS, *WORKERS)]
    if name.startswith("lab_load_") or name == TRIAL_INFO.name:
        asked = {"run": VALUES["run"], "trial": VALUES["trial"]} if name == TRIAL_INFO.name else {}
        return [POD | worker | {"variant": "one"} | asked for worker in WORKERS]
    if name.startswith(("lab_autoscaler_", "otelcol_", "prometheus_")):
        return [POD | {"pod": "another", "component": "another"}]
    return [POD | replica for replica in REPLICAS]
