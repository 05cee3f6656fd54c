"""Bad requests and pod-seconds of our decision, the HPA and KEDA on the same loads, in simulation.

    make bench-scaling [TRACES=FILE,...]

Generated traces, and those in files: CSV with a header and a column `requests`, a line a minute. A table for each
trace, averages over four kinds of services; the last line is JSON, of averages over all traces, each of which counts
the same: `{"bad_requests_vs_keda_tuned": ratio, "pod_seconds_vs_keda_tuned": ratio, "bad_requests_vs_hpa": ratio}`.

`python -m benchmarks.scaling --search` computes anew what the rivals' parameters should be, within half an hour; the
winners stand here as constants.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.scaling import search
from benchmarks.scaling.contest import Entrant, HpaArm, KedaArm, OursArm, scores
from benchmarks.scaling.rivals import Signal
from benchmarks.scaling.score import Score, mean
from benchmarks.scaling.traces import Trace, generated, read

SEED = 1
GOALS = {"bad_requests_vs_keda_tuned": 0.8, "pod_seconds_vs_keda_tuned": 1.05}

OURS, HPA, KEDA_DEFAULT = "HTTPAutoscaler", "HPA", "KEDA default"
KEDA_TUNED, KEDA_INGRESS = "KEDA tuned", "KEDA tuned, ingress"
ARMS: dict[str, Entrant] = {
    OURS: OursArm(),
    HPA: HpaArm(target_percent=70),
    # As its documentation has it: sum(rate(http_requests_total[2m])), and the HPA's defaults.
    KEDA_DEFAULT: KedaArm(Signal.COMPLETED, 0.7, 120.0, None, 0.0, down_s=300.0, fast_up=False, scrape_s=15),
    # On the metrics that our decision has, too.
    KEDA_TUNED: KedaArm(Signal.COMPLETED, 0.6, 20.0, 5.0, 5.0, down_s=30.0, fast_up=True),
    # Where an ingress counts what arrives, which services without one do not have.
    KEDA_INGRESS: KedaArm(Signal.ARRIVED, 0.6, 10.0, 5.0, 5.0, down_s=30.0, fast_up=True),
}
COLUMNS = ("bad", "replicas", "flips", "under", "over", "time under", "time over")


def report(title: str, of_arms: Sequence[Score]) -> None:
    """Bad requests, and SPEC's accuracies and timeshares, in percent; replicas are pod-seconds per second."""
    print(f"\n{title:<26}" + "".join(f"{column:>12}" for column in COLUMNS))
    for name, one in zip(ARMS, of_arms, strict=True):
        shares = (one.under, one.over, one.under_time, one.over_time)
        print(
            f"  {name:<24}{one.bad:>12.2%}{one.replicas:>12.2f}{one.flips:>12.1f}"
            + "".join(f"{s:>12.1%}" for s in shares)
        )


def ratios(found: dict[str, Score]) -> dict[str, float]:
    return {
        "bad_requests_vs_keda_tuned": round(found[OURS].bad / found[KEDA_TUNED].bad, 3),
        "pod_seconds_vs_keda_tuned": round(found[OURS].replicas / found[KEDA_TUNED].replicas, 3),
        "bad_requests_vs_hpa": round(found[OURS].bad / found[HPA].bad, 3),
    }


def compare(files: Sequence[Trace]) -> None:
    traces = [*generated(SEED), *files]
    of_arms = scores(list(ARMS.values()), traces)
    for number, trace in enumerate(traces):
        report(trace.name, [of_traces[number] for of_traces in of_arms])
    means = [mean(of_traces) for of_traces in of_arms]
    report("all traces", means)
    found = dict(zip(ARMS, means, strict=True))
    ingress = f"{found[OURS].bad / found[KEDA_INGRESS].bad:.3f} times the bad requests"
    print(
        f"\nAgainst {KEDA_INGRESS}: {ingress}, {found[OURS].replicas / found[KEDA_INGRESS].replicas:.3f} times the pods"
    )
    print("Goal: " + ", ".join(f"{name} at most {goal}" for name, goal in GOALS.items()))
    print(json.dumps(ratios(found)))


def find(files: Sequence[Trace]) -> None:
    for grid in (search.HPA_GRID, search.KEDA_GRID, search.INGRESS_GRID):
        for entrant, one in search.ranked(grid, files[0] if files else None):
            print(f"{one.bad:>8.3%}{one.replicas:>8.3f}{one.flips:>8.1f}  {entrant}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--search", action="store_true", help="find the rivals' parameters anew")
    names = [name for name in os.environ.get("TRACES", "").split(",") if name]
    files = [read(Path(name)) for name in names]
    (find if parser.parse_args().search else compare)(files)


if __name__ == "__main__":
    main()
