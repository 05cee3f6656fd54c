"""What can go wrong, as one tree; the command line turns it into text and an exit code, nothing else prints.

LabError                 exit code 1: the lab could not do it
├── InputError           exit code 2: the user's input is wrong; carries every problem at once
└── RuntimeFailure       a runtime could not start, reach or keep what it was asked to
    ├── NotReady         workloads of a cluster are not ready, and why
    └── CommandFailed    an outside command failed; shown as one could paste it
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence

LAST_LINES = 15


class LabError(Exception):
    """Its text says what is wrong, where, and what to do."""


class InputError(LabError):
    """`problems` has a line each, `where` names the file or option they are in."""

    def __init__(self, where: str, problems: Sequence[str]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{count} in {where}", *(f"  {problem}" for problem in problems)]))
        self.where = where
        self.problems = tuple(problems)


class RuntimeFailure(LabError):
    """A runtime could not start, reach or keep what it was asked to."""


class NotReady(RuntimeFailure):
    """`workloads` are those that can't be, or were not in time."""

    def __init__(self, text: str, workloads: Collection[str]) -> None:
        super().__init__(text)
        self.workloads = frozenset(workloads)


class CommandFailed(RuntimeFailure):
    """An outside command ended with another code than 0."""

    def __init__(self, argv: Sequence[str], exit_code: int, output: str) -> None:
        last = [f"  {line}" for line in output.rstrip().splitlines()[-LAST_LINES:]]
        super().__init__("\n".join([f"exit code {exit_code} from: {shlex.join(argv)}", *last]))
        self.exit_code = exit_code
