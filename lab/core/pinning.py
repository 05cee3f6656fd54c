"""Which CPUs the replicas get, and which the load generator, the databases and the lab itself. Pure.

Half of the cores each, the odd one to the lab: what measures must not be what saturates. Threads of one physical core
stay on one side, so that the two sides share no execution unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pinning:
    """CPU numbers of both sides, empty when nothing is pinned; `text` says how it is, for the results."""

    replicas: tuple[int, ...]
    lab: tuple[int, ...]
    text: str

    @property
    def all(self) -> tuple[int, ...]:
        return self.lab + self.replicas


def divide(cores: Sequence[Sequence[int]]) -> Pinning:
    """`cores` has the CPUs of each physical core that may be used; none when the system cannot pin."""
    if not cores:
        return unpinned("this system does not let a process choose its CPUs")
    parts = list(cores) if len(cores) > 1 else [[cpu] for cpu in cores[0]]
    if len(parts) == 1:
        return unpinned("there is one CPU only")
    lab_cores = len(parts) - len(parts) // 2
    lab = tuple(sorted(cpu for part in parts[:lab_cores] for cpu in part))
    replicas = tuple(sorted(cpu for part in parts[lab_cores:] for cpu in part))
    text = f"replicas on {_named(replicas)}; load generator, PostgreSQL, Valkey and the lab on {_named(lab)}"
    return Pinning(replicas, lab, text)


def unpinned(reason: str) -> Pinning:
    return Pinning((), (), f"not pinned: {reason}")


def _named(cpus: Sequence[int]) -> str:
    return f"CPU {cpus[0]}" if len(cpus) == 1 else f"CPUs {', '.join(map(str, cpus))}"
