"""What the operator costs with 1,000 resources of one pod each: CPU, memory, and how late its ticks are.

Lateness is from when a tick was due to when it began, as the operator's own histogram has it: the bucket that the 99th
percentile, and the latest tick, fall into. It is measured after the start, in which all statuses are written. The last
line is JSON: `{"resources": n, "cores": share, "rss_mib": size, "late_p99_s": bound, "late_max_s": bound,
"requests_per_tick": mean}`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from benchmarks.cluster import cluster, operator
from tests.polling import until

RESOURCES = 1000
START_S = 30.0
MEASURED_S = 120.0


def until_bound(found: Mapping[str, float], share: float) -> float:
    """The smallest bound of lateness that holds so many of the ticks."""
    name = "lab_autoscaler_tick_lateness_seconds_bucket "
    buckets = sorted((float(key.removeprefix(name)), value) for key, value in found.items() if key.startswith(name))
    return next(bound for bound, count in buckets if count >= share * buckets[-1][1])


def main() -> None:
    with cluster(RESOURCES) as there, operator(there.port) as program:
        until(lambda: program.figures()["lab_autoscaler_resources"] == RESOURCES, 60, "all resources are looked after")
        time.sleep(START_S)
        before, cpu_before_s, began = program.figures(), program.cpu_s(), time.monotonic()
        largest = 0
        while time.monotonic() < began + MEASURED_S:
            time.sleep(1)
            largest = max(largest, program.process.memory_info().rss)
        after, cpu_s, took_s = program.figures(), program.cpu_s() - cpu_before_s, time.monotonic() - began
    grown = {key: value - before.get(key, 0.0) for key, value in after.items()}
    ticks = grown["lab_autoscaler_tick_duration_seconds_count"]
    result = {
        "resources": RESOURCES,
        "cores": round(cpu_s / took_s, 3),
        "rss_mib": round(largest / 2**20),
        "late_p99_s": until_bound(grown, 0.99),
        "late_max_s": until_bound(grown, 1.0),
        "requests_per_tick": round(grown["lab_autoscaler_api_requests_total"] / ticks, 3),
    }
    print(
        f"{ticks:.0f} ticks in {took_s:.0f} s, {ticks / took_s:.0f} a second; a tick took "
        f"{grown['lab_autoscaler_tick_duration_seconds_sum'] / ticks * 1000:.1f} ms on average, waiting included; "
        f"{grown.get('lab_autoscaler_scrape_errors_total', 0):.0f} replicas told nothing"
    )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
