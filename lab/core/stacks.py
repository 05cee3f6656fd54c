"""Which variant plays which role: a stack. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lab.core.manifest import PING_ROLE, Manifest
from lab.core.roles import ANY_ROLE, UPSTREAMS
from lab.errors import InputError

Needed = Mapping[str, tuple[str, ...]]  # the operations asked of each role


@dataclass(frozen=True, slots=True)
class Stack:
    """`players` has the variant of each role, roles that others call first."""

    players: Mapping[str, Manifest]

    @property
    def name(self) -> str:
        """As results call it: its only variant, or `ROLE=NAME,...`."""
        names = [variant.name for variant in self.variants]
        return names[0] if len(names) == 1 else self.by_role

    @property
    def by_role(self) -> str:
        return ",".join(f"{role}={variant.name}" for role, variant in self.players.items())

    @property
    def slug(self) -> str:
        """Its name where that may hold no more than a variant's name may, and dots."""
        return self.name.replace("=", ".").replace(",", ".")

    @property
    def variants(self) -> tuple[Manifest, ...]:
        """Each once."""
        return tuple({variant.name: variant for variant in self.players.values()}.values())

    def missing(self, needed: Needed) -> list[str]:
        """Roles that a scenario needs and nobody plays."""
        return [role for role in needed if role not in (*self.players, ANY_ROLE)]

    def asked(self, needed: Needed) -> dict[str, tuple[str, ...]]:
        """`needed`, with its own first role for `any`."""
        first = next(iter(self.players))
        return {first if role == ANY_ROLE else role: operations for role, operations in needed.items()}


def variants_of(stacks: Iterable[Stack]) -> list[Manifest]:
    """Each once."""
    return list({variant.name: variant for stack in stacks for variant in stack.variants}.values())


def stack_of(variant: Manifest) -> Stack:
    """All that one variant plays, or its answer to GET /ping when it plays no role."""
    return Stack(dict.fromkeys(_callers_last(variant.roles or (PING_ROLE,)), variant))


def parse_stacks(names: str, hybrids: Sequence[str], manifests: Mapping[str, Manifest]) -> list[Stack]:
    """`names` are of variants, separated by commas; `hybrids` are `ROLE=NAME,...` or one name.

    Raises InputError with every problem.
    """
    problems: list[str] = []
    found = [_named(name, "--variants", manifests, problems) for name in _parts(names)]
    found += [_hybrid(text, manifests, problems) for text in hybrids]
    stacks = [stack for stack in found if stack]
    for name in dict.fromkeys(stack.name for stack in stacks):
        if [stack.name for stack in stacks].count(name) > 1:
            problems.append(f"{name} is named more than once")
    if problems:
        raise InputError("what is to run", problems)
    return stacks


def _hybrid(text: str, manifests: Mapping[str, Manifest], problems: list[str]) -> Stack | None:
    if "=" not in text:
        return _named(text, "--stack", manifests, problems)
    before = len(problems)
    players: dict[str, Manifest] = {}
    for part in _parts(text):
        role, _, name = part.partition("=")
        variant = _find(name, "--stack", manifests, problems)
        if role in players:
            problems.append(f"--stack: {role} is named twice")
        elif variant and role not in variant.roles:
            problems.append(f"--stack: {name} does not play {role}; it plays {_plays(variant)}")
        elif variant:
            players[role] = variant
    if len(problems) == before:
        problems += [
            f"--stack: {role} needs {upstream}, which nobody plays"
            for role in players
            for upstream in UPSTREAMS.get(role, ())
            if upstream not in players
        ]
    return Stack({role: players[role] for role in _callers_last(tuple(players))}) if players else None


def _plays(variant: Manifest) -> str:
    return ", ".join(variant.roles) or "ping only"


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []


def _named(name: str, option: str, manifests: Mapping[str, Manifest], problems: list[str]) -> Stack | None:
    variant = _find(name, option, manifests, problems)
    return stack_of(variant) if variant else None


def _find(name: str, option: str, manifests: Mapping[str, Manifest], problems: list[str]) -> Manifest | None:
    if name not in manifests:
        known = ", ".join(sorted(manifests)) or "none"
        problems.append(f"{option}: there is no variant {name or '(empty)'}; there are {known}")
    return manifests.get(name)


def _callers_last(roles: Sequence[str]) -> Sequence[str]:
    return sorted(roles, key=lambda role: role in UPSTREAMS)
