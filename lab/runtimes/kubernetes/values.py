"""What the charts are told: a deployment, a variant's migrations, the platform, the operator. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from scaler.spec import Behavior

from lab.core.autoscaling import Autoscaler, Autoscaling
from lab.core.deployment import Deployment
from lab.core.manifest import Manifest, command

USER = "lab"
POSTGRESQL = "postgresql:5432"
CACHE_URL = "redis://valkey:6379/0"
OTLP_URL = "http://otel-collector:4318"
PORT = 8000
METRICS_PORT = 8001

# Parts of the platform by the names of `--without`, and their keys in the chart's values.
PARTS = {
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
    "collector": "collector",
    "tempo": "tempo",
    "grafana": "grafana",
    "metrics-server": "metricsServer",
}

# The Deployment of each.
DEPLOYMENTS = {part: "otel-collector" if part == "collector" else part for part in PARTS}

# What is of no use when all of these are missing.
NEEDS = {
    "alertmanager": {"prometheus"},
    "grafana": {"prometheus"},
    "tempo": {"collector"},
    "collector": {"prometheus", "tempo"},
}

# How each kind of autoscaler calls the time for which less must have done before it goes down.
LONG_WINDOW_S = Behavior().long_window_s
LEAST_LONG_WINDOW_S = 15.0  # that the operator's schema takes
HOLDS = {Autoscaler.HTTPAUTOSCALER: "holdSeconds", Autoscaler.HPA: "stabilizationWindowSeconds"}

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Postgresql:
    """Where databases are: `host:port`, and who may make them."""

    address: str
    user: str

    @classmethod
    def from_url(cls, url: str) -> Postgresql:
        parts = urlsplit(url)
        return cls(f"{parts.hostname}:{parts.port or 5432}", unquote(parts.username or USER))


def database_url(name: str, password: str, address: str, user: str) -> str:
    return f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@{address}/{quote(name, safe='')}"


def service(deployment: Deployment, image: str) -> Values:
    """Of `helm/service`, for a release that serves; whoever made its database has migrated it."""
    resources = deployment.resources
    return {
        "variant": deployment.variant.name,
        "role": deployment.role,
        "image": _image(image),
        "replicas": deployment.replicas,
        "database": {"url": deployment.database_url, "connections": deployment.database_connections},
        "cache": {"url": deployment.cache_url},
        "catalog": {"url": deployment.catalog_url},
        "telemetry": {
            "mode": deployment.telemetry.mode.value,
            "otlpEndpoint": deployment.otlp_url,
            "traced": deployment.telemetry.traced,
        },
        "streamMaxSeconds": deployment.stream_max_s,
        "resources": {
            "cpu": f"{resources.cpu_m}m",
            "memory": f"{resources.memory_mib}Mi",
            "cpuRequest": f"{resources.reserved_cpu_m}m" if resources.reserved_cpu_m is not None else "",
        },
    }


def autoscaler(autoscaling: Autoscaling) -> Values:
    """Of the same, over those of a service: who decides on its replicas."""
    hold_s = autoscaling.hold_s
    behavior: Values = {} if hold_s is None else {"scaleDown": {HOLDS[autoscaling.by]: round(hold_s)}}
    if autoscaling.by is Autoscaler.HTTPAUTOSCALER and hold_s is not None:
        # Nothing goes down below what the long window would bring up again.
        behavior["longWindowSeconds"] = round(max(LEAST_LONG_WINDOW_S, min(LONG_WINDOW_S, hold_s)))
    return {
        "autoscaler": {
            "kind": autoscaling.by.value,
            "maxReplicas": autoscaling.max_replicas,
            "slo": {"latencyMilliseconds": round(autoscaling.latency_s * 1000)},
            "behavior": behavior,
        }
    }


def migration(variant: Manifest, image: str, database: str) -> Values:
    """Of `helm/service`, for the release that owns a variant's schema and serves nothing."""
    return {
        "variant": variant.name,
        "role": "schema",
        "serve": False,
        "image": _image(image),
        "migration": {"enabled": True, "command": command(variant.migrate, "python")},
        "database": {"url": database},
    }


def without_useless(without: Collection[str]) -> frozenset[str]:
    """With the parts that are of no use without those."""
    found = frozenset(without)
    while more := {part for part, needed in NEEDS.items() if needed <= found} - found:
        found |= more
    return found


def platform(*, on_kind: bool, namespaced: bool) -> Values:
    """Of `helm/platform`. On kind, NodePorts that lead to 127.0.0.1 and a kubelet whose certificate nobody signed."""
    return {
        "namespaced": namespaced,
        "nodePorts": {"enabled": on_kind},
        "kubeletInsecureTls": on_kind,
    }


def operator(image: str, namespace: str, *, defines: bool) -> Values:
    """Of `helm/operator`, for one namespace. It makes nothing outside, but for HTTPAutoscaler's definition: `defines`.

    It requests next to nothing, so that four replicas fit beside everything else.
    """
    return {
        "image": _image(image),
        "namespaces": [namespace],
        "crd": {"install": defines},
        "resources": {"requests": {"cpu": "1m"}},
    }


def left_out(without: Collection[str]) -> Values:
    """Of the same."""
    return {PARTS[part]: {"enabled": False} for part in without}


def address(values: Values, part: str, own: str) -> str:
    """Where a part is: at the `url` that it was given, or its own in the platform."""
    url: str = values.get(part, {}).get("url") or ""
    return url or own


def merged(values: Values, over: Values) -> Values:
    """As Helm merges two files: mappings member by member, anything else is replaced."""
    both = {
        key: merged(values[key], over[key])
        if isinstance(values[key], dict) and isinstance(over[key], dict)
        else over[key]
        for key in values.keys() & over.keys()
    }
    return {**values, **over, **both}


def _image(reference: str) -> Mapping[str, str]:
    repository, _, tag = reference.rpartition(":")
    return {"repository": repository, "tag": tag}
