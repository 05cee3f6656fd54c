"""A replica's sample from what it exposes, in Prometheus' text format. Pure.

Names and meanings are those of OpenTelemetry's conventions, as services/contract/runtime.md has them. Only the families
of FAMILIES are read, line by line: a page has a hundred times as much.
https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from scaler.samples import Sample

ACTIVE = "http_server_active_requests"
DURATION = "http_server_request_duration_seconds"
QUEUE_LENGTH = "http_server_queue_length"
WORKERS = "http_server_workers"
BUSY = "http_server_worker_busy_seconds"
CPU = "process_cpu_seconds"
# To ask for, as `name[]`: the families by the names of their series, since clients differ in which of them they go by.
FAMILIES = (
    ACTIVE,
    *(f"{DURATION}_{part}" for part in ("bucket", "count", "sum")),
    QUEUE_LENGTH,
    WORKERS,
    f"{BUSY}_total",
    f"{CPU}_total",
)
EXECUTOR = "executor"

_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


Line = tuple[str, Mapping[str, str], float]  # name, labels, value; what is no number is NaN


def sample(replica: str, at: float, text: str, latency_s: float) -> Sample | None:
    """`at` and `latency_s`, beyond which an answer is slow, are seconds. None where the text tells no requests.

    An answer counts as slow from the bucket on that `latency_s` falls into.
    """
    return told(replica, at, (_parts(line) for line in text.splitlines()), latency_s)


def told(replica: str, at: float, lines: Iterable[Line], latency_s: float) -> Sample | None:
    """The same, of lines that were read already."""
    totals: dict[str, float] = defaultdict(float)
    quick: dict[float, float] = defaultdict(float)
    names: set[str] = set()
    executor = False
    for name, labels, value in lines:
        if name not in _WANTED:
            continue
        names.add(name)
        if name == f"{DURATION}_bucket":
            quick[_number(labels.get("le", ""))] += value
            continue
        totals[name] += value
        if name == QUEUE_LENGTH and labels.get("queue") == EXECUTOR:
            executor = True
        if name == f"{DURATION}_count" and labels.get("http_response_status_code", "").startswith("5"):
            totals["failed"] += value
    count = f"{DURATION}_count"
    if count not in names or ACTIVE not in names:
        return None

    def known(name: str) -> float | None:
        return totals[name] if name in names else None

    bounds = [bound for bound in quick if bound >= latency_s]
    workers = known(WORKERS)
    return Sample(
        replica=replica,
        at=at,
        in_flight=totals[ACTIVE],
        completed=totals[count],
        failed=totals["failed"],
        slow=totals[count] - quick[min(bounds)] if bounds else None,
        service_s=known(f"{DURATION}_sum"),
        queued=known(QUEUE_LENGTH),
        # Who tells of requests that wait for a thread has one for each that it works on.
        concurrency=workers if executor else None,
        workers=workers,
        busy_s=known(f"{BUSY}_total"),
        cpu_s=known(f"{CPU}_total"),
    )


_WANTED = frozenset(FAMILIES)


def _parts(line: str) -> Line:
    """Of a line that has them."""
    name, _, rest = line.partition("{") if "{" in line else line.partition(" ")
    if name not in _WANTED:
        return "", {}, math.nan
    inside, _, after = rest.rpartition("}") if "{" in line else ("", "", rest)
    words = after.split()
    return name, dict(_LABEL.findall(inside)), _number(words[0] if words else "")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
