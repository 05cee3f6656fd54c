"""Do the services fit into the connections that PostgreSQL allows? Asked before a replica starts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demand:
    """What a service may hold at once: `connections` for each of its `replicas`, 0 without a database."""

    service: str
    replicas: int
    connections: int

    @property
    def total(self) -> int:
        return self.replicas * self.connections


def refusal(demands: Sequence[Demand], *, max_connections: int, reserved: int) -> str | None:
    """Why the demands do not fit, ready to print, or None when they do. `reserved` is what the lab itself needs."""
    available = max_connections - reserved
    wanted = sum(demand.total for demand in demands)
    if wanted <= available:
        return None
    rows = [
        f"  {demand.service}: {demand.replicas} x {demand.connections} = {demand.total}"
        for demand in demands
        if demand.total
    ]
    return "\n".join(
        [
            f"{wanted} connections to PostgreSQL are asked for; {available} are there "
            f"({max_connections} less {reserved} for the lab). Run fewer replicas, or give each fewer connections.",
            *rows,
        ]
    )
