"""Helm releases of one namespace that are as their charts and values say, whatever an interrupted command left.

Works with Helm 3.14 and later, and 4. A release keeps, as a label, a digest of what it was made from, so that one which
would not change is left alone. What charts say wins over changes by other means, `kubectl scale` for example.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import yaml

from lab.errors import CommandFailed, InputError
from lab.runtimes.kubernetes.kubectl import Kubectl, run

TIMEOUT_S = 180.0
AT_ONCE = 4
HISTORY = 3  # the revision that is rolled back to among them
DIGEST = "frameworklab.dev/digest"
OURS = {"app.kubernetes.io/part-of": "framework-lab"}
STATES = ("--deployed", "--failed", "--pending", "--uninstalling")


def digest(chart: Path, values: Mapping[str, Any]) -> str:
    """Of all that a release is made from, as a label may have it."""
    hashed = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    for file in sorted(path for path in chart.rglob("*") if path.is_file()):
        content = file.read_bytes()
        hashed.update(f"\0{file.relative_to(chart)}\0{len(content)}\0".encode() + content)
    return hashed.hexdigest()[:40]


def unscaled(manifest: str, objects: Sequence[Mapping[str, Any]]) -> bool:
    """Whether objects of a cluster have as many replicas as a release's manifest says; it may leave that to others."""
    told = [one for one in yaml.safe_load_all(manifest) if one]
    found = {_key(one): one["spec"]["replicas"] for one in objects if "replicas" in one.get("spec", {})}
    return all(found.get(_key(one)) == one["spec"]["replicas"] for one in told if "replicas" in one.get("spec", {}))


class Releases:
    """Safe to use from several threads, each for releases of its own."""

    def __init__(self, kubectl: Kubectl, on_step: Callable[[str], None]) -> None:
        self._kubectl = kubectl
        self._on_step = on_step

    def install(self, name: str, chart: Path, values: Mapping[str, Any]) -> bool:
        """Makes the release so; does not wait for its pods. False: it was so already, and nobody has deleted or scaled
        any of its objects.

        Raises CommandFailed with what Helm says, of values that the chart's schema refuses for example.
        """
        made_from = digest(chart, values)
        if self._is(name, made_from) and self._is_whole(name):
            return False
        self._recover(name)
        labels = ",".join(f"{key}={value}" for key, value in {**OURS, DIGEST: made_from}.items())
        self._helm(
            "upgrade",
            name,
            str(chart),
            "--install",
            "--values=-",
            f"--labels={labels}",
            f"--history-max={HISTORY}",
            *self._owning,
            stdin=json.dumps(values).encode(),
        )
        return True

    def names(self) -> list[str]:
        """The lab's releases in any state."""
        labels = ",".join(f"{key}={value}" for key, value in OURS.items())
        return [release["name"] for release in self._list(f"--selector={labels}", *STATES)]

    def uninstall(self, names: Sequence[str]) -> None:
        """Removes those that are the lab's, several at once. Their pods may still be ending afterwards."""
        ours = set(self.names())
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(partial(self._helm, "uninstall"), [name for name in names if name in ours]))

    def _is(self, name: str, made_from: str) -> bool:
        return bool(self._list(_exactly(name), f"--selector={DIGEST}={made_from}", "--deployed"))

    def _is_whole(self, name: str) -> bool:
        """Whether nobody has deleted or scaled any of its objects."""
        manifest = self._helm("get", "manifest", name)
        try:
            found = self._kubectl.run("get", "--filename=-", "--output=json", stdin=manifest.encode())
        except CommandFailed:
            return False
        document = json.loads(found)
        return unscaled(manifest, document.get("items", [document]))

    def _recover(self, name: str) -> None:
        """From a command that was interrupted, or an installation that failed: Helm would refuse to go on.

        Raises InputError when the release is somebody else's.
        """
        found = self._list(_exactly(name), *STATES)
        if found and name not in self.names():
            raise InputError(
                f"namespace {self._kubectl.namespace}",
                [f"release {name} is not the lab's, and would be replaced; use another namespace, or remove it"],
            )
        state = found[0]["status"] if found else "deployed"
        if state == "deployed":
            return
        history = json.loads(self._helm("history", name, "--output=json"))
        sound = [one["revision"] for one in history if one["status"] in {"deployed", "superseded"}]
        if not sound or state == "uninstalling":
            self._on_step(f"release {name} is {state}: removing it")
            self._helm("uninstall", name, "--ignore-not-found")
        elif state.startswith("pending"):
            self._on_step(f"release {name} is {state}: rolling it back to revision {sound[-1]}")
            self._helm("rollback", name, str(sound[-1]), *self._owning)

    def _list(self, *filters: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self._helm("list", "--output=json", *filters))
        return found

    @cached_property
    def _owning(self) -> list[str]:
        """Helm 4 applies on the server, where it would give way to whoever else changed a field."""
        version = run(["helm", "version", "--template={{.Version}}"])
        return [] if version.startswith("v3.") else ["--server-side=true", "--force-conflicts"]

    def _helm(self, *arguments: str, stdin: bytes | None = None) -> str:
        of_file = [f"--kubeconfig={self._kubectl.kubeconfig}"] if self._kubectl.kubeconfig else []
        where = [*of_file, f"--kube-context={self._kubectl.context}", f"--namespace={self._kubectl.namespace}"]
        return run(["helm", *where, *arguments], stdin, TIMEOUT_S)


def _key(document: Mapping[str, Any]) -> tuple[str, str]:
    return document["kind"], document["metadata"]["name"]


def _exactly(name: str) -> str:
    return f"--filter=^{re.escape(name)}$"
