"""Proves that the operator does not grow while resources, pods and watches come and go. The result is a page.

The operator is the real program, the cluster a simulated one. What the operator holds is looked at all along. Its
growth is the slope of least squares over the means of equally long blocks of time, since neighbouring looks tell much
the same, with Student's interval of 95 %. Something grows where that interval lies above zero: then the exit code is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import platform
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import count, cycle, product
from pathlib import Path
from statistics import fmean

from benchmarks.api import AUTOSCALERS, DEPLOYMENTS, HORIZONTALS, PODS, STATEFUL_SETS
from benchmarks.cluster import Cluster, Operator, Shop, cluster, operator

PAGE = Path(__file__).parent.parent / "docs" / "proofs" / "operator.md"

MINUTES, LEAST_MINUTES = 60, 15
SERVICES = 200
WARM_S = 600.0  # the timelines of resources cover ten minutes, and become longer until then
LOOK_EVERY_S = 15.0
SAY_EVERY = 4  # looks
BLOCKS = 10
STUDENT = 2.306  # for 95 % and BLOCKS - 2 degrees of freedom

CHANGE_EVERY_S = 5.0  # on average; at random, lest the looks fall in step with the changes
CUT_EVERY = 6  # changes
WATCHED = (PODS, AUTOSCALERS, DEPLOYMENTS, STATEFUL_SETS, HORIZONTALS)

INTERRUPTED = 130

# What is looked at, and how it is written.
MEMORY, FILES, THREADS, TASKS = "resident memory, MiB", "open files", "threads", "tasks"
WATCHES, GONE = "open watches", "resources that are no more"
FORMATS = {MEMORY: ".1f", FILES: ".0f", THREADS: ".0f", TASKS: ".0f", WATCHES: ".0f", GONE: ".0f"}


class EndedError(Exception):
    """The operator ended by itself."""


@dataclass(frozen=True, slots=True)
class Look:
    """`at` is seconds after the start; CPU time and ticks are those until then. `held` is by the names of FORMATS."""

    at: float
    held: Mapping[str, float]
    cpu_s: float
    ticks: float


@dataclass(frozen=True, slots=True)
class Slope:
    """Per unit of x; `low` and `high` bound it with 95 % confidence."""

    value: float
    low: float
    high: float

    @property
    def grows(self) -> bool:
        return self.low > 0


def slope(xs: Sequence[float], ys: Sequence[float]) -> Slope:
    """Of the line that is nearest to BLOCKS points by least squares; ValueError for more or fewer."""
    if len(xs) != BLOCKS:
        raise ValueError(f"{len(xs)} points; the interval is that of {BLOCKS}")
    x_mean, y_mean = fmean(xs), fmean(ys)
    spread = math.fsum((x - x_mean) ** 2 for x in xs)
    value = math.fsum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True)) / spread
    beside = math.fsum((y - y_mean - value * (x - x_mean)) ** 2 for x, y in zip(xs, ys, strict=True))
    half = STUDENT * math.sqrt(beside / (BLOCKS - 2) / spread)
    return Slope(value, value - half, value + half)


def blocks(looks: Sequence[Look]) -> list[Sequence[Look]]:
    """BLOCKS of them, equally long; what is too much for that is left out at the begin."""
    size = len(looks) // BLOCKS
    return [looks[end - size : end] for end in range(len(looks) - size * (BLOCKS - 1), len(looks) + 1, size)]


def slopes(looks: Sequence[Look]) -> dict[str, Slope]:
    """Per hour, of everything that is held."""
    parts = blocks(looks)
    hours = [fmean(look.at for look in part) / 3600 for part in parts]
    return {name: slope(hours, [fmean(look.held[name] for look in part) for part in parts]) for name in FORMATS}


def page(looks: Sequence[Look], minutes: int, date: str) -> str:
    """`looks` are those after WARM_S."""
    first, *_, last = looks
    parts = blocks(looks)
    rows = [_row(name, found, parts) for name, found in slopes(looks).items()]
    warm = f"{WARM_S / 60:g}"
    cores = (last.cpu_s - first.cpu_s) / (last.at - first.at)
    return "\n".join(
        [
            "# Whether the operator grows",
            "",
            f"{date}, `make prove-operator`, {minutes} minutes: Python {platform.python_version()}, "
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, kopf {version('kopf')}, "
            f"aiohttp {version('aiohttp')}.",
            "",
            f"The operator looks after {SERVICES} resources of a simulated API, and asks a pod of each every 5 s.",
            f"Every {CHANGE_EVERY_S:g} s on average a resource is deleted, with its Deployment and pod;",
            "another is made, with new names; and a pod is replaced. "
            f"Just before every {CUT_EVERY}th time the watch of one kind is cut:",
            "its connection closes, or its version is gone (410). "
            f"After the first {warm} minutes it ticked {last.ticks - first.ticks:.0f} times",
            f"and used {cores:.3f} cores.",
            "Of what is deleted just when a version is gone, Kopf never hears, and keeps what it knew:",
            "that is part of what is seen here.",
            "",
            f"What it holds is looked at every {LOOK_EVERY_S:g} s. The first {warm} minutes don't count, the rest is "
            f"{BLOCKS} blocks of equal length.",
            "The slope is that of least squares over the means of the blocks, with Student's interval of 95 %.",
            "Something grows where all of that interval is above 0.",
            "",
            "| what | first block | last block | most | slope per hour | 95 % interval | verdict |",
            "|---|---:|---:|---:|---:|---:|---|",
            *rows,
            "",
        ]
    )


def _row(name: str, found: Slope, parts: Sequence[Sequence[Look]]) -> str:
    first, *_, last = (fmean(look.held[name] for look in part) for part in parts)
    most = max(look.held[name] for part in parts for look in part)
    levels = " | ".join(f"{value:{FORMATS[name]}}" for value in (first, last, most))
    verdict = "grows" if found.grows else "no growth shown"
    return f"| {name} | {levels} | {found.value:+z.2f} | {found.low:+z.2f} to {found.high:+z.2f} | {verdict} |"


def _grown(looks: Sequence[Look]) -> bool:
    return any(found.grows for found in slopes(looks).values())


async def changes(shop: Shop) -> None:
    """Without end. A cut comes first, so that what is watched changes while nobody hears of it."""
    chance = random.Random(1)  # noqa: S311
    cuts = cycle(product((False, True), WATCHED))
    for turn in count(1):
        await asyncio.sleep(chance.uniform(0, 2 * CHANGE_EVERY_S))
        if turn % CUT_EVERY == 0:
            gone, plural = next(cuts)
            shop.api.cut(plural, gone=gone)
        shop.remove(chance.choice(shop.services))
        shop.add()
        shop.replace_pod(chance.choice(shop.services))


def _look(at: float, there: Cluster, program: Operator) -> Look:
    code = program.process.poll()
    if code is not None:
        raise EndedError(f"the operator ended after {at / 60:.0f} minutes, with exit code {code}")
    told, process = program.figures(), program.process
    held = {
        MEMORY: process.memory_info().rss / 2**20,
        FILES: process.num_fds(),
        THREADS: process.num_threads(),
        TASKS: told["lab_autoscaler_tasks"],
        WATCHES: there.watches(),
        GONE: max(0.0, told["lab_autoscaler_resources"] - SERVICES),
    }
    return Look(at, held, program.cpu_s(), told["lab_autoscaler_tick_duration_seconds_count"])


def _looked(minutes: int) -> list[Look]:
    """Those after WARM_S."""
    looks: list[Look] = []
    with cluster(SERVICES, changes) as there, operator(there.port) as program:
        began = time.monotonic()
        for number in range(1, round(minutes * 60 / LOOK_EVERY_S) + 1):
            due = number * LOOK_EVERY_S
            time.sleep(max(0.0, began + due - time.monotonic()))
            look = _look(time.monotonic() - began, there, program)
            if due > WARM_S:
                looks.append(look)
            if number % SAY_EVERY == 0:
                told = ", ".join(f"{name} {value:{FORMATS[name]}}" for name, value in look.held.items())
                sys.stderr.write(f"{due / 60:g} minutes: {told}\n")
    return looks


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.prove_operator", description="Whether the operator grows.")
    parser.add_argument("--minutes", type=int, default=MINUTES, help="that it takes (default: %(default)s)")
    minutes = parser.parse_args(words).minutes
    if minutes < LEAST_MINUTES:
        parser.error(
            f"--minutes: {minutes} is too short; at least {LEAST_MINUTES}, of which {WARM_S / 60:g} don't count"
        )
    try:
        looks = _looked(minutes)
    except EndedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    told = page(looks, minutes, f"{datetime.now(UTC):%Y-%m-%d}")
    PAGE.write_text(told)
    sys.stdout.write(told)
    return 1 if _grown(looks) else 0


if __name__ == "__main__":
    sys.exit(main())
