"""One behaviour that the contract promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from lab.contract.client import Client
from lab.contract.probe import Abandoned, Probe, Setting, Violation


class Lane(Enum):
    """When a case runs: among the many, beside them because it mostly waits, or with nothing else."""

    TABLE = "table"
    WAITING = "waiting"
    ALONE = "alone"


class Needs(Enum):
    """What a case cannot do without; it is `not run` where the user did not give it."""

    NOTHING = ""
    FAKE_CATALOG = "--fake-catalog"
    METRICS_URL = "--metrics-url"


@dataclass(frozen=True, slots=True)
class Case:
    """`about` is the operation whose promise it is, empty for all of the role; it runs where that one is checked."""

    name: str
    about: str
    run: Callable[[Probe], None]
    lane: Lane = Lane.TABLE
    needs: Needs = Needs.NOTHING

    def violations(self, setting: Setting, client: Client) -> list[Violation]:
        """What a service does not do as this case expects."""
        probe = Probe(setting, self.name, client)
        try:
            self.run(probe)
        except Abandoned:
            assert probe.violations, f"{self.name} was abandoned without a reason"
        return probe.violations


def case(
    name: str,
    operations: str,
    run: Callable[[Probe], None],
    lane: Lane = Lane.TABLE,
    needs: Needs = Needs.NOTHING,
) -> Case:
    """A row of a table of cases; `operations` are all that it calls, and the first is what the case is about."""
    about = operations.partition(" ")[0]
    return Case(f"{about}: {name}" if about else name, about, run, lane, needs)
