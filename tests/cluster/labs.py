"""A lab on the tests' own cluster, used as a person uses it: by its commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.runtimes.kubernetes.kind import KindCluster
from lab.runtimes.kubernetes.place import Place, on_kind

CLUSTER = "lab-test"


@dataclass(frozen=True, slots=True)
class Lab:
    """`directory` is its LAB_DIR, `results` where its commands put theirs."""

    directory: Path
    config: Path
    values: Path
    without: str

    @property
    def environ(self) -> dict[str, str]:
        own = {
            "LAB_DIR": str(self.directory),
            "LAB_CLUSTER": CLUSTER,
            "LAB_KIND_CONFIG": str(self.config),
            "LAB_RUNTIME": "kind",
            "LAB_WITHOUT": self.without,
        }
        return {**os.environ, **own}

    @property
    def place(self) -> Place:
        return on_kind(self.directory, self.environ)

    @property
    def cluster(self) -> KindCluster:
        place = self.place
        assert place.kubeconfig
        return KindCluster(place.cluster, place.config, place.kubeconfig)

    @property
    def results(self) -> Path:
        return self.directory / "results"

    def argv(self, *arguments: str) -> list[str]:
        return [str(Path(sys.executable).with_name("lab")), *arguments]

    def run(self, *arguments: str, exit_code: int = 0) -> str:
        """What a command says; it ends with `exit_code`."""
        return said(self.argv(*arguments), self.environ, exit_code)

    def killed(self, *arguments: str, at: str) -> None:
        """Starts a command, and kills it with SIGKILL as soon as it says `at`."""
        process = subprocess.Popen(
            self.argv(*arguments), env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout
        said = ""
        for line in process.stdout:
            said += line
            if at in line:
                break
        process.kill()
        assert process.wait() == -signal.SIGKILL, said

    def compare(self, *arguments: str, exit_code: int = 0) -> str:
        return self.run(*self.comparing(*arguments), exit_code=exit_code)

    @property
    def platform_values(self) -> dict[str, Any]:
        values: dict[str, Any] = yaml.safe_load(self.values.read_text(encoding="utf-8"))
        return values

    @property
    def staying(self) -> tuple[str, ...]:
        """What `lab up` is given."""
        return ("--variants", "flask", "--telemetry", "metrics", "--platform-values", str(self.values))

    def comparing(self, *arguments: str) -> tuple[str, ...]:
        given = ("--platform-values", str(self.values), "--results", str(self.results))
        return ("compare", *given, *arguments)


def said(argv: Sequence[str], environ: Mapping[str, str], exit_code: int) -> str:
    """What a command says on both outputs; it ends with `exit_code`."""
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    assert done.returncode == exit_code, text
    return text
