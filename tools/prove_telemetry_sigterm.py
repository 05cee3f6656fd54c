"""Proves that SIGTERM under load loses no finished span: twenty times for each variant. The result is a page of docs.

A replica of each variant gets the signal in the middle of a second in which requests come at a steady rate, each with a
trace of its own, while a collector in this process receives all it can. Exit code 1 where the span of an answered
request did not come.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from lab.contract.telemetry_receiver import Receiver
from lab.core.deployment import Deployment
from lab.core.manifest import PING_ROLE, Manifest
from lab.runtimes.local import LocalRuntime, local_lab
from lab.runtimes.supervision.ports import HOST
from lab.tree import SERVICES
from lab.variants import load_manifests
from tests.telemetry.ending import DURATION_S, RATE_PER_S, Ended, end_under_load
from tests.telemetry.stacks import OFFICIAL

TIMES = 20
PAGE = Path(__file__).parent.parent / "docs" / "proofs" / "telemetry-sigterm.md"


def main() -> int:
    variants = load_manifests([SERVICES])
    with tempfile.TemporaryDirectory(prefix="lab-") as folder, local_lab(_say, Path(folder) / "lab") as runtime:
        found = {name: [_end(variant, runtime) for _ in range(TIMES)] for name, variant in variants.items()}
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(found))
    sys.stdout.write(page(found))
    return 1 if any(ended.missing for each in found.values() for ended in each) else 0


def _end(variant: Manifest, runtime: LocalRuntime) -> Ended:
    name = f"proving-{variant.name}"
    with Receiver(HOST) as receiver:
        deployment = Deployment(name, variant, PING_ROLE, telemetry=OFFICIAL, otlp_url=receiver.url)
        service = runtime.deploy(deployment)
        ended = end_under_load(service.url, receiver, lambda: runtime.remove(name))
    _say(f"{variant.name}: {ended}")
    return ended


def page(found: Mapping[str, Sequence[Ended]]) -> str:
    rows = [
        f"| {name} | {len(each)} | {sum(ended.answered for ended in each)} | {sum(ended.received for ended in each)} | "
        f"{sum(ended.missing for ended in each)} | {max(ended.ended_s for ended in each):.2f} s |"
        for name, each in found.items()
    ]
    return "\n".join(
        [
            "# SIGTERM under load loses no finished span",
            "",
            f"{datetime.now(UTC):%Y-%m-%d}, `make prove-telemetry-sigterm`: Python {platform.python_version()}, "
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, "
            f"opentelemetry-sdk {version('opentelemetry-sdk')}.",
            "",
            f"A replica in role `ping` that traces every request is sent {RATE_PER_S:g} requests a second over kept",
            f"connections for {DURATION_S:g} s, and SIGTERM amid it. Each request names a trace of its own;",
            "each answer must have its server span at the collector when the replica has ended.",
            "",
            "| variant | times | answered | spans | missing | longest time to end |",
            "|---|---:|---:|---:|---:|---:|",
            *rows,
            "",
        ]
    )


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
