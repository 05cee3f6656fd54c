"""A scenario: the requests that arrive, how fast, and what latency and error share still count as held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Slo:
    """Held when the p99 latency is at most `p99_ms` and at most `error_share` of requests fail."""

    p99_ms: float
    error_share: float


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request in the mix. `path`, `query`, `header` and `body` hold literals or value generators.

    Generators (mappings with one of these keys) are described in `scenarios/scenario.schema.json`.
    """

    operation: str
    weight: float
    path: Mapping[str, Any]
    query: Mapping[str, Any]
    header: Mapping[str, Any]
    body: Any


@dataclass(frozen=True, slots=True)
class Scenario:
    """`rate_per_s` is where the ladder of rates begins; `timeout_s` bounds one request."""

    name: str
    title: str
    rate_per_s: float
    timeout_s: float
    requests: tuple[Request, ...]
    slo: Slo

    @property
    def operations(self) -> tuple[str, ...]:
        return tuple(request.operation for request in self.requests)
