"""What the supervisor is told of a service: what to run, where, and with which environment. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.core.connections import Demand
from lab.core.deployment import Deployment
from lab.core.manifest import command
from lab.core.telemetry import Mode
from lab.runtimes.supervision.ports import HOST

PASSED_ON = ("PATH", "HOME", "TMPDIR")


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """`environment` lacks the ports only, which the supervisor chooses; `port` 0 lets it choose any."""

    name: str
    argv: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    replicas: int
    connections: int
    port: int

    @property
    def told(self) -> dict[str, str]:
        """What its replicas are told to be."""
        names = {"variant": "LAB_VARIANT", "role": "LAB_ROLE", "telemetry": "LAB_TELEMETRY"}
        return {key: self.environment[name] for key, name in names.items()}

    def demand(self, replicas: int) -> Demand:
        return Demand(self.name, replicas, self.connections)

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "folder": str(self.folder)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ServicePlan:
        return cls(**{**document, "argv": tuple(document["argv"]), "folder": Path(document["folder"])})


def plan(deployment: Deployment, python: str, token_key: Path, model: Path, environ: Mapping[str, str]) -> ServicePlan:
    """`environ` is the caller's environment, of which a replica sees next to nothing."""
    urls = {
        "DATABASE_URL": deployment.database_url,
        "CACHE_URL": deployment.cache_url,
        "CATALOG_URL": deployment.catalog_url,
    }
    return ServicePlan(
        name=deployment.name,
        argv=tuple(command(deployment.variant.start, python)),
        folder=deployment.variant.folder.absolute(),
        environment={
            **clean(environ),
            "LAB_ROLE": deployment.role,
            "LAB_VARIANT": deployment.variant.name,
            "LAB_TELEMETRY": deployment.telemetry.mode.value,
            "LAB_HOST": HOST,
            "LAB_DB_CONNECTIONS": str(deployment.database_connections),
            "LAB_TOKEN_KEY_FILE": str(token_key),
            "LAB_MODEL_FILE": str(model),
            "LAB_STREAM_MAX_S": str(deployment.stream_max_s),
            **{key: value for key, value in urls.items() if value},
            **_tracing(deployment),
        },
        replicas=deployment.replicas,
        connections=_connections(deployment),
        port=deployment.port,
    )


def _connections(deployment: Deployment) -> int:
    """A replica of `orders` has one more, on which it listens for its streams."""
    if not deployment.database_url:
        return 0
    return deployment.database_connections + (deployment.role == "orders")


def _tracing(deployment: Deployment) -> dict[str, str]:
    """OpenTelemetry's own settings."""
    if deployment.telemetry.mode is not Mode.OFFICIAL:
        return {}
    return {
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": f"{deployment.telemetry.traced:g}",
        **({"OTEL_EXPORTER_OTLP_ENDPOINT": deployment.otlp_url} if deployment.otlp_url else {}),
    }


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment that is the same whoever runs the lab: no settings of Python, proxies or frameworks."""
    return {"LANG": "C.UTF-8", **{key: environ[key] for key in PASSED_ON if key in environ}}
