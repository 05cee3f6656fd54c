"""A service that runs, as the checker is told of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Running:
    """`fake_catalog_url` is where the service's CATALOG_URL points, free for the checker; empty for other roles."""

    url: str
    role: str
    token_key: bytes
    metrics_url: str
    fake_catalog_url: str = ""
