"""What a run measures against each other: every stack at every level of telemetry. Pure.

Telemetry is the same for all stacks, which is one level, or the factor that is compared, which is several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.core.stacks import Stack
from lab.core.telemetry import Mode, Telemetry
from lab.errors import InputError

FACTOR = "telemetry"
EXAMPLE = f"{FACTOR}=off,metrics,official"
DEFAULT = Telemetry(Mode.METRICS)
OFFICIAL_IN_A_FACTOR = (Telemetry(Mode.OFFICIAL, 0.05), Telemetry(Mode.OFFICIAL))
STANDS_FOR = f"; {Mode.OFFICIAL} stands for {' and '.join(level.name for level in OFFICIAL_IN_A_FACTOR)}"


@dataclass(frozen=True, slots=True)
class Arm:
    """`compared` where telemetry is the factor, and so part of the name."""

    stack: Stack
    telemetry: Telemetry
    compared: bool = False

    @property
    def name(self) -> str:
        """As results call it: `STACK`, or `STACK, LEVEL`."""
        return f"{self.stack.name}, {self.telemetry.name}" if self.compared else self.stack.name

    @property
    def slug(self) -> str:
        """Its name where that may hold no more than a variant's name may, and dots."""
        return f"{self.stack.slug}.{self.telemetry.name}" if self.compared else self.stack.slug


def arms(stacks: Sequence[Stack], levels: Sequence[Telemetry]) -> tuple[Arm, ...]:
    return tuple(Arm(stack, level, is_factor(levels)) for stack in stacks for level in levels)


def is_factor(levels: Sequence[Telemetry]) -> bool:
    return len(levels) > 1


def fullest(levels: Sequence[Telemetry]) -> Telemetry:
    """What tells most of any of the levels: the last of their modes, with every request traced."""
    return Telemetry(max((level.mode for level in levels), key=tuple(Mode).index))


def parse_levels(factor: str | None, telemetry: str | None) -> tuple[Telemetry, ...]:
    """The levels of `telemetry=NAME,NAME`, or the one that is named, or the default.

    `official` in a factor stands for 5 % and all of the requests traced. Raises InputError with every problem.
    """
    problems: list[str] = []
    if factor is not None and telemetry is not None:
        problems.append("--factor and --telemetry exclude each other; name the levels in --factor")
    levels = [] if factor is None else _factor(factor, problems)
    if telemetry is not None:
        levels += _level(telemetry, "--telemetry", problems)
    if problems:
        raise InputError("telemetry", problems)
    return tuple(levels) or (DEFAULT,)


def _factor(text: str, problems: list[str]) -> list[Telemetry]:
    name, _, named = text.partition("=")
    if name.strip() != FACTOR:
        there = f"there is no factor {name.strip() or '(empty)'}"
        problems.append(f"--factor: {there}; the only one is {FACTOR}, for example  {EXAMPLE}")
        return []
    before = len(problems)
    levels: list[Telemetry] = []
    parts = [part.strip() for part in named.split(",")]
    for part in parts:
        levels += OFFICIAL_IN_A_FACTOR if part == Mode.OFFICIAL else _level(part, "--factor", problems)
    for level in dict.fromkeys(levels):
        if levels.count(level) > 1:
            by_official = Mode.OFFICIAL in parts and level in OFFICIAL_IN_A_FACTOR
            problems.append(f"--factor: {level.name} is named more than once{STANDS_FOR if by_official else ''}")
    if len(problems) == before and not is_factor(levels):
        problems.append(f"--factor: {levels[0].name} alone has nothing to be compared with; for example  {EXAMPLE}")
    return levels


def _level(text: str, option: str, problems: list[str]) -> list[Telemetry]:
    try:
        return [Telemetry.parse(text)]
    except ValueError as error:
        problems.append(f"{option}: {error}")
        return []
