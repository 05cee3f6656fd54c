"""The log files of a service, now or as they grow."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from lab.errors import InputError

INTERVAL_S = 0.2


def show(logs: Path, service: str, write: Callable[[str], None]) -> None:
    """Writes each file whole, line by line; raises InputError when there is none."""
    _Reading(logs, service, write).more()


def follow(logs: Path, service: str, write: Callable[[str], None]) -> None:
    """The same, then what is added, also by replicas that start later; until interrupted."""
    reading = _Reading(logs, service, write)
    while True:
        reading.more()
        time.sleep(INTERVAL_S)


class _Reading:
    """How far each file was read. With several, each line begins with the name of its replica."""

    def __init__(self, logs: Path, service: str, write: Callable[[str], None]) -> None:
        self._logs = logs
        self._service = service
        self._write = write
        self._read: dict[Path, int] = {}
        if not self._files():
            there = ", ".join(sorted({path.stem for path in logs.glob("*.log")}))
            raise InputError(
                "the service's name", [f"no log of {service}; {f'there are {there}' if there else 'no lab ran here'}"]
            )

    def more(self) -> None:
        files = self._files()
        for path in files:
            start = self._read.get(path, 0)
            if path.stat().st_size < start:  # cut down to its end
                start = 0
            with path.open("rb") as file:
                file.seek(start)
                text = file.read()
            complete = text[: text.rfind(b"\n") + 1]
            self._read[path] = start + len(complete)
            for line in complete.decode(errors="replace").splitlines():
                self._write(f"{path.stem}  {line}" if len(files) > 1 else line)

    def _files(self) -> list[Path]:
        """Of the service's replicas, which are numbered, or of what has this very name."""
        name = re.compile(rf"{re.escape(self._service)}(-[0-9]+)?")
        return sorted(path for path in self._logs.glob("*.log") if name.fullmatch(path.stem))
