"""What a run measures against each other: every stack at every level of telemetry, or under every autoscaler. Pure.

Telemetry is the same for all stacks, which is one level, or the factor that is compared, which is several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.core.autoscaling import Autoscaler
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
    """`compared` where telemetry is the factor, and so part of the name, as the `autoscaler` is where there is one."""

    stack: Stack
    telemetry: Telemetry
    compared: bool = False
    autoscaler: Autoscaler | None = None

    @property
    def name(self) -> str:
        """As results call it: `STACK`, or `STACK, LEVEL`."""
        return ", ".join([self.stack.name, *self._levels])

    @property
    def slug(self) -> str:
        """Its name where that may hold no more than a variant's name may, and dots."""
        return ".".join([self.stack.slug, *self._levels])

    @property
    def _levels(self) -> list[str]:
        return [*([self.telemetry.name] if self.compared else []), *([self.autoscaler] if self.autoscaler else [])]


def arms(
    stacks: Sequence[Stack], levels: Sequence[Telemetry], autoscalers: Sequence[Autoscaler] = ()
) -> tuple[Arm, ...]:
    return tuple(
        Arm(stack, level, is_factor(levels), autoscaler)
        for stack in stacks
        for level in levels
        for autoscaler in autoscalers or (None,)
    )


def is_factor(levels: Sequence[Telemetry]) -> bool:
    return len(levels) > 1


def fullest(levels: Sequence[Telemetry]) -> Telemetry:
    """What tells most of any of the levels: the last of their modes, with every request traced."""
    return Telemetry(max((level.mode for level in levels), key=tuple(Mode).index))


def scaling_problems(autoscalers: Sequence[Autoscaler], levels: Sequence[Telemetry]) -> list[str]:
    """Why every stack can't be tried under these, with such telemetry."""
    problems = []
    if is_factor(levels):
        problems.append(f"--factor: autoscalers are what is compared; name one level by --{FACTOR}")
    elif Autoscaler.HTTPAUTOSCALER in autoscalers and any(level.mode is Mode.OFF for level in levels):
        problems.append(f"--{FACTOR}: {Autoscaler.HTTPAUTOSCALER} decides by metrics, and {Mode.OFF} has none")
    return problems


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
