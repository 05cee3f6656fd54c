"""The charts as `helm` 3 or 4 renders them, compared with golden files and with what Kubernetes accepts.

UPDATE_GOLDEN=1 .venv/bin/pytest tests/helm      writes golden files and the charts' tables of values anew
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm import schemas

ROOT = Path(__file__).parent.parent.parent
CHARTS = ROOT / "helm"
GOLDEN = ROOT / "tests" / "golden" / "helm"
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
RELEASE = "demo"
NAMESPACE = "framework-lab"
KUBERNETES = "1.34.0"
DEADLINE_S = 30

# What of a pod's volumes the restricted Pod Security Standard allows.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}

# Custom resources, whose schemas Kubernetes does not have.
CUSTOM = ("ClusterKopfPeering", "HTTPAutoscaler", "KopfPeering", "PodMonitor", "ServiceMonitor")

needs_helm = pytest.mark.skipif(not shutil.which("helm"), reason="helm is not installed")
needs_kubeconform = pytest.mark.skipif(not shutil.which("kubeconform"), reason="kubeconform is not installed")

Document = dict[str, Any]
Values = Mapping[str, Any]


def manifest(chart: str, values: Values, *, release: str = RELEASE, kubernetes: str = KUBERNETES) -> str:
    """What `helm template` says, as text; without the empty lines that Helm leaves between documents and at the end."""
    done = _template(CHARTS / chart, json.dumps(values), release, kubernetes)
    assert done.returncode == 0, done.stderr
    return re.sub(r"\n+(?=\n(---\n|$))", "", done.stdout)


def render(chart: str, values: Values, *, release: str = RELEASE, kubernetes: str = KUBERNETES) -> list[Document]:
    text = manifest(chart, values, release=release, kubernetes=kubernetes)
    return [document for document in yaml.safe_load_all(text) if document]


def refusal(chart: str, values: Values, *, release: str = RELEASE, kubernetes: str = KUBERNETES) -> str:
    """What helm says of values that it must not take; where the schema refuses them, in the words of Helm 4."""
    done = _template(CHARTS / chart, json.dumps(values), release, kubernetes)
    assert done.returncode != 0, f"taken, and rendered as\n{done.stdout}"
    told = re.sub(r"Additional property (\S+) is not allowed", r"additional properties '\1' not allowed", done.stderr)
    return re.sub(r"^- ([\w.]+): ", lambda at: f"- at '/{at[1].replace('.', '/')}': ", told, flags=re.MULTILINE)


def notes(chart: str, values: Values, folder: Path) -> str:
    """What `helm install` would say at its end, by a copy of the chart in `folder` that has it for a template."""
    copy = folder / chart
    shutil.copytree(CHARTS / chart, copy)
    (copy / "templates" / "NOTES.txt").rename(copy / "notes.txt")
    (copy / ".helmignore").unlink(missing_ok=True)
    (copy / "templates" / "notes.yaml").write_text('notes: {{ tpl (.Files.Get "notes.txt") . | toJson }}\n')
    done = _template(copy, json.dumps(values), RELEASE, KUBERNETES)
    assert done.returncode == 0, done.stderr
    (found,) = [document for document in yaml.safe_load_all(done.stdout) if document and "notes" in document]
    text: str = found["notes"]
    return text


@cache
def _template(chart: Path, values: str, release: str, kubernetes: str) -> subprocess.CompletedProcess[str]:
    options = ["--namespace", NAMESPACE, "--kube-version", kubernetes, "--values", "-"]
    return _run(["helm", "template", release, str(chart), *options], values)


def _run(argv: Sequence[str], stdin: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=DEADLINE_S)


def lint(chart: str, values: Values) -> None:
    argv = ["helm", "lint", "--strict", "--kube-version", KUBERNETES, "--values", "-", str(CHARTS / chart)]
    done = _run(argv, json.dumps(values))
    assert done.returncode == 0, done.stdout + done.stderr


def conform(text: str) -> None:
    """Every document is one that Kubernetes takes, with no field that it does not know and no key twice."""
    options = ["-strict", "-output", "json", "-skip", ",".join(CUSTOM), "-schema-location", schemas.LOCATION]
    done = _run(["kubeconform", *options], text)
    assert done.returncode == 0, done.stdout + done.stderr


def golden(name: str, text: str) -> None:
    """`name` is the file's path in `tests/golden/helm`."""
    path = GOLDEN / name
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.is_file(), f"{path} is missing: run again with UPDATE_GOLDEN=1"
    assert text == path.read_text(), f"not as in {path}: if that is meant, run again with UPDATE_GOLDEN=1"


def pods(documents: Iterable[Document]) -> Iterator[Document]:
    """The pod templates of workloads."""
    for document in documents:
        if template := document.get("spec", {}).get("template"):
            yield template


def configuration(documents: Iterable[Document], name: str, key: str) -> str:
    """What the ConfigMap `name` has under `key`."""
    (found,) = [of for of in documents if of["kind"] == "ConfigMap" and of["metadata"]["name"] == name]
    text: str = found["data"][key]
    return text


def unrestricted(documents: Iterable[Document]) -> list[str]:
    """What of pods the restricted Pod Security Standard refuses, as far as the charts could break it."""
    found = []
    for pod in pods(documents):
        spec = pod["spec"]
        of_pod = spec.get("securityContext", {})
        found += [f"{key} is set" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
        for volume in spec.get("volumes", ()):
            found += [f"volume {volume['name']}: {kind}" for kind in volume.keys() - VOLUMES - {"name"}]
        for container in [*spec.get("initContainers", ()), *spec["containers"]]:
            context = {**of_pod, **container.get("securityContext", {})}
            kept = {
                "runAsNonRoot": context.get("runAsNonRoot") is True and context.get("runAsUser") != 0,
                "seccompProfile": context.get("seccompProfile", {}).get("type") in {"RuntimeDefault", "Localhost"},
                "allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is False,
                "capabilities": context.get("capabilities") == {"drop": ["ALL"]},
                "readOnlyRootFilesystem": context.get("readOnlyRootFilesystem") is True,  # ours, not the standard's
            }
            found += [f"container {container['name']}: {rule}" for rule, is_kept in kept.items() if not is_kept]
    return found
