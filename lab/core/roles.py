"""Which roles a scenario needs, and which other roles those need in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

ANY_ROLE = "any"

WITH_DATABASE = ("catalog", "orders", "admin")  # and, if there is one, with the cache

# role -> the role it calls -> the operations it calls there
UPSTREAMS: Mapping[str, Mapping[str, tuple[str, ...]]] = {"orders": {"catalog": ("getProduct",)}}


def roles(sent: Sequence[tuple[str, str]], role_of: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The operations asked of each role, upstreams included and first. `any` alone is kept as it is.

    `sent` has pairs of an operation and the role that it is sent to, empty for the one that `role_of` (each operation's
    `x-role` in the contract) has.
    """
    asked: dict[str, list[str]] = {}
    for operation, role in dict.fromkeys(sent):
        asked.setdefault(role or role_of[operation], []).append(operation)
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
