"""One context and namespace of a cluster, through kubectl: whatever signs a user in there works here too."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.errors import CommandFailed, RuntimeFailure

FIELD_MANAGER = "framework-lab"
MANAGED_BY = "app.kubernetes.io/managed-by"  # FIELD_MANAGER where the lab made it itself, not through a chart
TIMEOUT_S = 60.0

Document = Mapping[str, Any]


class Kubectl:
    """Safe to use from several threads. `kubeconfig` None: the user's own."""

    def __init__(self, context: str, namespace: str, kubeconfig: Path | None = None) -> None:
        self.context = context
        self.namespace = namespace
        self.kubeconfig = kubeconfig

    def argv(self, *arguments: str) -> list[str]:
        """The whole argument list, to run it in another way."""
        return ["kubectl", *self.options, *arguments]

    @property
    def options(self) -> list[str]:
        """Where it goes, in kubectl's own options."""
        of_file = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        return [*of_file, f"--context={self.context}", f"--namespace={self.namespace}"]

    def run(self, *arguments: str, stdin: bytes | None = None, timeout_s: float = TIMEOUT_S) -> str:
        """Standard output. Raises CommandFailed, with what it wrote on both, and RuntimeFailure after `timeout_s`."""
        return run(self.argv(*arguments), stdin, timeout_s)

    def json(self, *arguments: str, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.run(*arguments, "--output=json", timeout_s=timeout_s))
        return document

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        """Of a list, for example `items("get", "pods", "--selector=...")`."""
        found: list[dict[str, Any]] = self.json(*arguments)["items"]
        return found

    def apply(self, *documents: Document) -> None:
        """Makes them what they say. Server-side: what others own in them stays theirs, and there is no size limit."""
        manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}).encode()
        self.run("apply", "--server-side", f"--field-manager={FIELD_MANAGER}", "--filename=-", stdin=manifest)


def run(argv: Sequence[str], stdin: bytes | None = None, timeout_s: float = TIMEOUT_S) -> str:
    """Standard output of an outside command, in a session of its own: Ctrl-C reaches the lab alone."""
    try:
        done = subprocess.run(argv, input=stdin or b"", capture_output=True, timeout=timeout_s, start_new_session=True)
    except subprocess.TimeoutExpired:
        raise RuntimeFailure(f"no end after {timeout_s:g} s of: {' '.join(argv)}") from None
    except FileNotFoundError:
        raise RuntimeFailure(f"{argv[0]} is not on PATH; install it, and try again") from None
    if done.returncode:
        raise CommandFailed(argv, done.returncode, (done.stderr + done.stdout).decode(errors="replace"))
    return done.stdout.decode(errors="replace")
