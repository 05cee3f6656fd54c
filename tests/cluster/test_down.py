"""`lab down` ends all of a lab: cluster, containers, files."""

from __future__ import annotations

from lab.runtimes.kubernetes.kubectl import run
from tests.cluster.labs import CLUSTER, Lab


def test_nothing_is_left(lab: Lab) -> None:
    assert lab.run("down") == f"Removed the kind cluster {CLUSTER}.\n"

    assert CLUSTER not in run(["kind", "get", "clusters"]).split()
    assert run(["docker", "ps", "--all", "--quiet", f"--filter=label=io.x-k8s.kind.cluster={CLUSTER}"]) == ""
    assert [file.name for file in lab.directory.iterdir() if file.name != "results"] == []


def test_there_is_nothing_to_end_then(lab: Lab) -> None:
    assert "No lab is up" in lab.run("down")
