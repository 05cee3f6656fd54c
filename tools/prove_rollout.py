"""Proves that a rolling update under load loses no request: ten for each variant, on kind. The result is a page.

Runs `lab compare` with scenario `rollout`, by whose goal it is judged; what was seen stays in a folder of its own in
`results`. Exit code 1 where the goal was not held by every variant, and no page where the run came to nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.core.figures import Verdict
from lab.tree import ROOT, SERVICES
from lab.variants import load_manifests

PAGE = ROOT / "docs" / "proofs" / "rollout.md"
RESULTS = ROOT / "results"
VERSIONS = {"kind": ("kind", "version", "--quiet"), "helm": ("helm", "version", "--short")}

Document = Mapping[str, Any]


def main() -> int:
    versions = {name: _output(argv) for name, argv in VERSIONS.items()}
    RESULTS.mkdir(exist_ok=True)
    results = Path(tempfile.mkdtemp(prefix="prove-rollout-", dir=RESULTS))
    variants = ",".join(load_manifests([SERVICES]))
    chosen = ["--runtime", "kind", "--scenario", "rollout", "--variants", variants, "--results", str(results)]
    exit_code = _run([str(Path(sys.executable).with_name("lab")), "compare", *chosen])
    summary = results / "latest" / "summary.json"
    if not summary.exists():
        return exit_code or 1
    found, origin = (json.loads((summary.parent / name).read_text()) for name in (summary.name, "provenance.json"))
    told = page(found, origin, versions, f"{datetime.now(UTC):%Y-%m-%d}")
    PAGE.write_text(told)
    sys.stdout.write(told)
    return 0 if held(found) else 1


def held(summary: Document) -> bool:
    """Whether the goal was, by every variant."""
    verdicts = [case["goal"] for cases in summary["experiment"]["variants"].values() for case in cases]
    return all(verdict == Verdict.HELD for verdict in verdicts)


def page(summary: Document, provenance: Document, versions: Mapping[str, str], date: str) -> str:
    """Of a run's `summary.json` and `provenance.json`."""
    experiment, git = summary["experiment"], provenance["git"]
    goal, kubernetes = experiment["goal"], provenance["runtime"]["components"]["kubernetes"]
    commit = f"{git['commit'][:12]}{'' if git['clean'] else ' with changes'}" if git else "not known"
    rows = [
        f"| {name} | {_counted(case)} | {_figures(case)} | {case['goal'] or 'not known'} |"
        for name, cases in experiment["variants"].items()
        for case in cases
    ]
    return "\n".join(
        [
            "# What clients notice of rolling updates",
            "",
            f"{date}, `make prove-rollout`: kind {versions['kind']}, Kubernetes {kubernetes}, helm {versions['helm']}, "
            f"{provenance['machine']['cores']} CPUs; commit {commit}.",
            "",
            f"Every repeat replaces {experiment['replicas']} replicas of a variant, as an update does, under "
            f"{experiment['rate_per_s']:g} requests a second",
            f"(scenario `{summary['scenario']}`, seed {provenance['seed']}, telemetry {summary['telemetry']}). "
            f"{summary['runtime']['limits']}",
            f"The goal: no request failed and at most {goal['retried_share']:.1%} were sent again, of at least "
            f"{goal['requests']} requests over {goal['repeats']} repeats.",
            f"Slow is later than {summary['slo']['p99_ms']:g} ms; durations are the median, the least and the most.",
            "",
            "| variant | repeats | requests | failed | retried | slow | it took | goal |",
            "|---|---:|---:|---:|---:|---:|---:|---|",
            *rows,
            "",
            *_void(summary),
        ]
    )


def _counted(case: Document) -> str:
    """How many repeats count; of how many, where some stayed void."""
    ok = {repeat["repeat"] for repeat in case["repeats"] if repeat["status"] == "ok"}
    tried = {repeat["repeat"] for repeat in case["repeats"]}
    return f"{len(ok)}" if ok == tried else f"{len(ok)} of {len(tried)}"


def _figures(case: Document) -> str:
    if not (figures := case["figures"]):
        return "– | – | – | – | –"
    counts = [f"{figures[name]['value']:.0f}" for name in ("requests", "failed", "retried", "slow")]
    took = figures["duration_s"]
    return " | ".join([*counts, f"{took['value']:.1f} s ({took['low']:.1f}–{took['high']:.1f})"])


def _void(summary: Document) -> list[str]:
    """Why something of a variant does not count."""
    reasons = {name: "; ".join(variant["reasons"]) for name, variant in summary["variants"].items()}
    return [f"Void: {name}: {reasons[name]}.\n" for name in reasons if summary["variants"][name]["status"] != "ok"]


def _run(argv: Sequence[str]) -> int:
    """Its exit code. Ctrl-C interrupts it too, and it tidies up before it ends."""
    running = subprocess.Popen(argv, cwd=ROOT)
    while True:
        try:
            return running.wait()
        except KeyboardInterrupt:
            continue


def _output(argv: Sequence[str]) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
