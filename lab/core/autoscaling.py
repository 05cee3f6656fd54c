"""Who decides how many replicas a service has while its load changes, and how many it had. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from lab.errors import InputError


class Autoscaler(StrEnum):
    """By the names that `helm/service` has for them."""

    HTTPAUTOSCALER = "httpautoscaler"
    HPA = "hpa"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """From 1 to `max_replicas`. `latency_s` is the objective's; `hold_s` None: down as late as the kind does itself."""

    by: Autoscaler
    max_replicas: int
    latency_s: float
    hold_s: float | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """How many replicas a service had from a moment on: asked for, there (those that end not counted), and ready."""

    at_s: float
    wanted: int
    there: int
    ready: int


def parse_autoscalers(text: str) -> tuple[Autoscaler, ...]:
    """Of `NAME,NAME`. Raises InputError with every problem."""
    names = [name.strip() for name in text.split(",")]
    known = tuple(Autoscaler)
    problems = [f"{name or '(empty)'} is none of {', '.join(known)}" for name in names if name not in known]
    problems += [f"{name} is named more than once" for name in dict.fromkeys(names) if names.count(name) > 1]
    if problems:
        raise InputError("--autoscaler", problems)
    return tuple(map(Autoscaler, names))


def since(sizes: Sequence[Size], begin_s: float, end_s: float) -> tuple[Size, ...]:
    """What changed from `begin_s` until `end_s`, in seconds from `begin_s`; the first is how it was then."""
    before = [size for size in sizes if size.at_s <= begin_s]
    later = [size for size in sizes if begin_s < size.at_s < end_s]
    found: list[Size] = []
    for size in (*before[-1:], *later):
        moved = replace(size, at_s=max(0.0, size.at_s - begin_s))
        if not found or replace(found[-1], at_s=moved.at_s) != moved:
            found.append(moved)
    return tuple(found)
