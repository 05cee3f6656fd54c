"""What a Prometheus answers to expressions, over its HTTP API.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

from lab.errors import RuntimeFailure

WITHIN_S = 1.0  # a panel that takes longer is one that nobody waits for


@dataclass(frozen=True, slots=True)
class Series:
    """`points` are Unix seconds and values, the oldest first; a value may be NaN."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Prometheus:
    """`url` is its root. Raises RuntimeFailure where it can't be asked, refuses, or takes longer than WITHIN_S."""

    url: str

    def at(self, expression: str, time_s: float) -> list[Series]:
        """One point of each series."""
        result = self._ask("query", query=expression, time=time_s)
        if result["resultType"] == "scalar":
            return [Series({}, (_point(result["result"]),))]
        return [Series(each["metric"], (_point(each["value"]),)) for each in result["result"]]

    def between(self, expression: str, begin_s: float, end_s: float, step_s: float) -> list[Series]:
        result = self._ask("query_range", query=expression, start=begin_s, end=end_s, step=step_s)
        return [Series(each["metric"], tuple(map(_point, each["values"]))) for each in result["result"]]

    def _ask(self, way: str, **parameters: str | float) -> Mapping[str, Any]:
        query = urlencode({**parameters, "timeout": f"{WITHIN_S:g}s"})
        try:
            with urlopen(f"{self.url.rstrip('/')}/api/v1/{way}?{query}", timeout=10 * WITHIN_S) as answer:  # noqa: S310
                data: Mapping[str, Any] = json.load(answer)["data"]
                return data
        except HTTPError as error:
            raise RuntimeFailure(f"{error.code} from {self.url}: {_said(error)}") from None
        except (OSError, HTTPException, ValueError) as error:
            raise RuntimeFailure(f"no Prometheus answers at {self.url}: {error}") from None


def _point(pair: tuple[float, str]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _said(error: HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError):
        return error.reason
