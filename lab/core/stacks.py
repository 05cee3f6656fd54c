"""Which variant plays which role: a stack. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.core.manifest import PING_ROLE, Manifest
from lab.core.roles import UPSTREAMS
from lab.errors import InputError


@dataclass(frozen=True, slots=True)
class Stack:
    """`players` has the variant of each role, roles that others call first."""

    players: Mapping[str, Manifest]


def stack_of(variant: Manifest) -> Stack:
    """All that one variant plays, or its answer to GET /ping when it plays no role."""
    return Stack(dict.fromkeys(_callers_last(variant.roles or (PING_ROLE,)), variant))


def parse_stack(text: str, manifests: Mapping[str, Manifest]) -> Stack:
    """`NAME`, or `ROLE=NAME,...`. Raises InputError with every problem."""
    if "=" not in text:
        named = parse_variants(text, manifests)
        if len(named) != 1:
            raise InputError("--stack", [f"{text!r} is not one variant; for example --stack ROLE=NAME,ROLE=NAME"])
        return named[0]
    problems: list[str] = []
    players: dict[str, Manifest] = {}
    for part in _parts(text):
        role, _, name = part.partition("=")
        variant = _find(name, manifests, problems)
        if role in players:
            problems.append(f"{role}: named twice")
        elif variant and role not in variant.roles:
            problems.append(f"{role}: {name} plays {', '.join(variant.roles) or 'no role'}")
        elif variant:
            players[role] = variant
    problems += [
        f"{role}: needs {upstream}, which nobody plays"
        for role in players
        for upstream in UPSTREAMS.get(role, ())
        if upstream not in players and not problems
    ]
    if problems:
        raise InputError("--stack", problems)
    return Stack({role: players[role] for role in _callers_last(tuple(players))})


def parse_variants(text: str, manifests: Mapping[str, Manifest]) -> list[Stack]:
    """`NAME,...`: a stack of each. Raises InputError with every problem."""
    problems: list[str] = []
    variants = [_find(name, manifests, problems) for name in dict.fromkeys(_parts(text))]
    if problems:
        raise InputError("the names of variants", problems)
    return [stack_of(variant) for variant in variants if variant]


def _parts(text: str) -> Sequence[str]:
    return [part.strip() for part in text.split(",")]


def _find(name: str, manifests: Mapping[str, Manifest], problems: list[str]) -> Manifest | None:
    if name not in manifests:
        problems.append(f"there is no variant {name or '(empty)'}; there are {', '.join(sorted(manifests)) or 'none'}")
    return manifests.get(name)


def _callers_last(roles: Sequence[str]) -> Sequence[str]:
    return sorted(roles, key=lambda role: role in UPSTREAMS)
