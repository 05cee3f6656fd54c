"""A command that makes the cluster given by name, configuration and kubeconfig, and says each step."""

from __future__ import annotations

import sys
from pathlib import Path

from lab.runtimes.kubernetes.kind import KindCluster


def say(step: str) -> None:
    sys.stdout.write(f"{step}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    name, config, kubeconfig = sys.argv[1:]
    KindCluster(name, Path(config), Path(kubeconfig)).create(say)
