"""Values of requests: what a scenario writes, literal or generator, drawn with the randomness it is handed.

A mapping with one of these keys is a generator, anything else stands for itself:

    {integer: [1, 100]}                          a whole number, both ends included
    {choice: [a, b]}                             one of these values, which may be generators
    {token: 16}                                  that many letters and digits, never the same again
    {list: VALUE, length: [1, 3], distinct: id}  that many values; `distinct` names a member that differs in each
    {pick: OPERATION}, {take: OPERATION}         an id that OPERATION answered, left or removed (in `path` only)
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

ALPHABET = string.ascii_letters + string.digits
DRAWS_PER_ITEM = 50


@dataclass(frozen=True, slots=True)
class Source:
    """An id that `operation` answered earlier; `removes` when no other request may use it again."""

    operation: str
    removes: bool


def source(spec: object) -> Source | None:
    """The source of a `pick` or `take`, None for any other value."""
    match spec:
        case {"pick": str(operation)}:
            return Source(operation, removes=False)
        case {"take": str(operation)}:
            return Source(operation, removes=True)
    return None


def draw(spec: Any, chance: Random, unique: Random) -> Any:
    """The value of `spec`. `chance` repeats itself for a seed; `unique`, which makes tokens, must not.

    Raises ValueError when the generator can't make what it says, for example five distinct numbers from 1 to 3.
    """
    match spec:
        case {"integer": [low, high]}:
            if low > high:
                raise ValueError(f"no whole number from {low} to {high}")
            return chance.randint(low, high)
        case {"choice": options}:
            return draw(chance.choice(options), chance, unique)
        case {"token": length}:
            return "".join(unique.choices(ALPHABET, k=length))
        case {"list": item, "length": [low, high]}:
            if low > high:
                raise ValueError(f"no length from {low} to {high}")
            return _items(item, chance.randint(low, high), spec.get("distinct"), chance, unique)
        case Mapping():
            return {name: draw(value, chance, unique) for name, value in spec.items()}
        case list():
            return [draw(value, chance, unique) for value in spec]
    return spec


def _items(item: Any, length: int, distinct: str | None, chance: Random, unique: Random) -> list[Any]:
    if distinct is None:
        return [draw(item, chance, unique) for _ in range(length)]
    found: dict[Any, Any] = {}
    for _ in range(length * DRAWS_PER_ITEM):
        if len(found) == length:
            break
        value = draw(item, chance, unique)
        if distinct not in value:
            raise ValueError(f"{distinct} is no member of the list's values")
        found.setdefault(value[distinct], value)
    if len(found) < length:
        raise ValueError(f"found {len(found)} of {length} values whose {distinct} differ")
    return list(found.values())
