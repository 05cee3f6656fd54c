"""The folder of a run: raw trials as they end, then where they come from and what they say."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from lab.core.exposition import Scrape
from lab.core.summary import Summary
from lab.core.trial import Trial
from lab.errors import InputError
from lab.ports import ContractReport


class ResultsFolder:
    """An Observer that writes `results/<run>/`, a file for each kind of event. Use as a context manager."""

    def __init__(self, root: Path, run: str) -> None:
        """Raises InputError when the folder cannot be made."""
        self.path = root / run
        self._lock = threading.Lock()
        try:
            self.path.mkdir(parents=True)
        except OSError as error:
            problem = f"cannot write {error.filename}: {error.strerror}; name another folder with --results"
            raise InputError("--results", [problem]) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """A run that came to nothing leaves no folder."""
        if not any(self.path.iterdir()):
            self.path.rmdir()

    def step(self, text: str) -> None:
        """Steps are not kept."""

    def contract(self, variant: str, role: str, report: ContractReport) -> None:
        self._append(
            "contract.jsonl",
            {
                "variant": variant,
                "role": role,
                "passed": report.passed,
                "violations": list(report.violations),
                "not_run": list(report.not_run),
                "examples": dict(report.examples),
                "seed": report.seed,
            },
        )

    def failed(self, variant: str, reason: str) -> None:
        self._append("failed.jsonl", {"variant": variant, "reason": reason})

    def trial(self, trial: Trial) -> None:
        self._append("trials.jsonl", trial.document())

    def metrics(self, trial: Trial, scrapes: Mapping[str, Sequence[Scrape]]) -> None:
        of_trial = {"variant": trial.variant, "part": trial.part.value, "step": trial.step, "case": trial.case}
        self._append(
            "metrics.jsonl",
            *(
                {**of_trial, "service": service, "replica": one.replica, "at_s": round(one.at_s, 3), "text": one.text}
                for service, taken in scrapes.items()
                for one in taken
            ),
        )

    def provenance(self, document: Mapping[str, Any]) -> None:
        self._write("provenance.json", document)

    def finish(self, summary: Summary) -> None:
        """Writes the summary and lets `latest` point to this run."""
        self._write("summary.json", summary.document())
        link = self.path.parent / f".latest-{self.path.name}"
        link.symlink_to(self.path.name)
        link.replace(self.path.parent / "latest")

    def _append(self, name: str, *documents: Mapping[str, Any]) -> None:
        with self._lock, (self.path / name).open("a") as file:
            file.writelines(json.dumps(document) + "\n" for document in documents)
            file.flush()
            os.fsync(file.fileno())

    def _write(self, name: str, document: Mapping[str, Any]) -> None:
        (self.path / name).write_text(json.dumps(document, indent=2) + "\n")
