"""Which roles a scenario needs, and which other roles those need in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.core.manifest import PING_ROLE, Manifest

ANY_ROLE = "any"

# role -> the role it calls -> the operations it calls there
UPSTREAMS: Mapping[str, Mapping[str, tuple[str, ...]]] = {"orders": {"catalog": ("getProduct",)}}


def roles(operations: Sequence[str], role_of: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The operations asked of each role, upstreams included and first. `any` alone is kept as it is.

    `role_of` gives each operation's `x-role` in the contract.
    """
    asked: dict[str, list[str]] = {}
    for operation in operations:
        asked.setdefault(role_of[operation], []).append(operation)
    named = [role for role in asked if role != ANY_ROLE]
    anywhere = asked.pop(ANY_ROLE, [])
    if not named:
        return {ANY_ROLE: tuple(anywhere)}
    for role in named:
        for upstream, needed in UPSTREAMS.get(role, {}).items():
            asked[upstream] = list(dict.fromkeys([*asked.get(upstream, []), *needed]))
    upstreams_first = sorted(asked, key=lambda role: role in UPSTREAMS)
    asked[upstreams_first[0]] += anywhere  # where the load sends them
    return {role: tuple(asked[role]) for role in upstreams_first}


def played_by(variant: Manifest, needed: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """`needed` with `any` replaced by a role that the variant plays: its first, or `ping`."""
    any_role = variant.roles[0] if variant.roles else PING_ROLE
    return {any_role if role == ANY_ROLE else role: operations for role, operations in needed.items()}


def missing_roles(variant: Manifest, needed: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Roles of a scenario that the variant cannot play; empty when it may enter."""
    return [role for role in played_by(variant, needed) if not variant.plays(role)]
