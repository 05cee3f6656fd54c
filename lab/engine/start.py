"""Starts a stack: the services of its roles, those that others call first, each with the addresses that it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lab.core.deployment import SMALL, Deployment, Resources, Service
from lab.core.manifest import Manifest
from lab.core.roles import UPSTREAMS, WITH_DATABASE
from lab.core.stacks import Stack
from lab.core.telemetry import OFF, Telemetry
from lab.ports import Runtime


@dataclass(frozen=True, slots=True)
class Names:
    """How the services of a stack are called, by their role, and the databases of its variants."""

    service: Callable[[str], str]
    database: Callable[[Manifest], str]


def start(
    stack: Stack,
    roles: Iterable[str],
    names: Names,
    runtime: Runtime,
    *,
    replicas: int = 1,
    telemetry: Telemetry = OFF,
    otlp_url: str = "",
    resources: Resources = SMALL,
    port_of: Callable[[str], int] = lambda role: 0,
    on_start: Callable[[Service], None] = lambda service: None,
    keep_databases: bool = False,
) -> dict[str, Service]:
    """The services by role. `roles` come callers last; variants that play several of them have one database."""
    services: dict[str, Service] = {}
    databases: dict[str, str] = {}
    for role in roles:
        variant = stack.players[role]
        if role in WITH_DATABASE and variant.name not in databases:
            databases[variant.name] = runtime.database(variant, names.database(variant), keep_databases)
        upstreams = [services[upstream].url for upstream in UPSTREAMS.get(role, ())]
        services[role] = runtime.deploy(
            Deployment(
                name=names.service(role),
                variant=variant,
                role=role,
                replicas=replicas,
                database_url=databases[variant.name] if role in WITH_DATABASE else "",
                cache_url=runtime.cache_url() if role in WITH_DATABASE else "",
                catalog_url=upstreams[0] if upstreams else "",
                port=port_of(role),
                telemetry=telemetry,
                otlp_url=otlp_url,
                resources=resources,
            )
        )
        on_start(services[role])
    return services
