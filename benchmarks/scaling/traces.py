"""Load over time: generated traces, each with a seed, and real ones read from files. A rate for each second."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

PEAK_PER_S = 800.0  # of a real trace's busiest minute: eight replicas' capacity
MINUTE_S = 15  # of a real trace's minute, so that a day takes six hours
GENERATED_S = 3600
LOW_PER_S, HIGH_PER_S = 80.0, 700.0


@dataclass(frozen=True, slots=True)
class Trace:
    name: str
    rates_per_s: tuple[float, ...]


def step(chance: random.Random) -> list[float]:
    """Up at once and down at once, to heights and for minutes by chance."""
    rates: list[float] = []
    while len(rates) < GENERATED_S:
        rates += [chance.uniform(LOW_PER_S, 200)] * chance.randrange(120, 900)
        rates += [chance.uniform(300, HIGH_PER_S)] * chance.randrange(120, 900)
    return rates[:GENERATED_S]


def ramp(chance: random.Random) -> list[float]:
    """Evenly up within two to ten minutes, on the height for a while, down as fast."""
    rates: list[float] = []
    while len(rates) < GENERATED_S:
        low, high = chance.uniform(LOW_PER_S, 200), chance.uniform(400, HIGH_PER_S)
        for begin, end, seconds in (
            (low, low, 120),
            (low, high, chance.randrange(120, 600)),
            (high, high, 240),
            (high, low, chance.randrange(120, 600)),
        ):
            rates += [begin + (end - begin) * second / seconds for second in range(seconds)]
    return rates[:GENERATED_S]


def spike(chance: random.Random) -> list[float]:
    """Half a minute to two at several times the load, after minutes by chance."""
    rates: list[float] = []
    while len(rates) < GENERATED_S:
        rates += [chance.uniform(LOW_PER_S, 250)] * chance.randrange(60, 900)
        rates += [chance.uniform(350, HIGH_PER_S)] * chance.randrange(30, 120)
    return rates[:GENERATED_S]


def diurnal(chance: random.Random) -> list[float]:
    """Two days of half an hour, with noise from one minute to the next."""
    day = GENERATED_S / 2
    noise = _noise(chance, 0.1, 30.0)
    wave = [0.5 - 0.5 * math.cos(2 * math.pi * second / day) for second in range(GENERATED_S)]
    return [(LOW_PER_S + (HIGH_PER_S - LOW_PER_S) * height) * one for height, one in zip(wave, noise, strict=True)]


def flash(chance: random.Random) -> list[float]:
    """Twice a flash crowd: many times the load within a minute, which takes minutes to pass."""
    rates: list[float] = []
    for _ in range(2):
        low, high = chance.uniform(LOW_PER_S, 150), chance.uniform(500, HIGH_PER_S)
        begin, rise, decay = chance.randrange(120, 300), chance.randrange(15, 60), chance.uniform(120, 300)
        for second in range(GENERATED_S // 2):
            since = second - begin
            height = max(0.0, min(1.0, since / rise)) if since < rise else math.exp(-(since - rise) / decay)
            rates.append(low + (high - low) * height)
    return rates


def noisy(chance: random.Random) -> list[float]:
    """Steady, but for noise: of seconds, and of minutes."""
    slow, fast = _noise(chance, 0.15, 60.0), _noise(chance, 0.15, 3.0)
    return [400 * one * other for one, other in zip(slow, fast, strict=True)]


def _noise(chance: random.Random, deviation: float, lasting_s: float) -> list[float]:
    """Around 1, at least 0.1: an autoregressive process that forgets within `lasting_s`."""
    kept = math.exp(-1 / lasting_s)
    value, values = 0.0, []
    for _ in range(GENERATED_S):
        value = kept * value + chance.gauss(0, deviation * math.sqrt(1 - kept * kept))
        values.append(max(0.1, 1 + value))
    return values


SHAPES: Sequence[Callable[[random.Random], list[float]]] = (step, ramp, spike, diurnal, flash, noisy)


def generated(seed: int) -> list[Trace]:
    """One of each shape; the same seed gives the same ones."""
    return [Trace(shape.__name__, tuple(shape(random.Random(f"{shape.__name__} {seed}")))) for shape in SHAPES]


def read(path: Path) -> Trace:
    """Of a CSV file with a header and `requests` a minute; scaled so that the busiest minute has PEAK_PER_S.

    ValueError where it has no such column, or less than two minutes.
    """
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if len(rows) < 2 or "requests" not in rows[0]:
        raise ValueError(f"{path}: a header with `requests` and two lines at least are needed")
    counts = [float(row["requests"]) for row in rows]
    scale = PEAK_PER_S / max(counts)
    rates = [
        scale * (one + (other - one) * second / MINUTE_S)
        for one, other in pairwise(counts)
        for second in range(MINUTE_S)
    ]
    return Trace(path.stem, tuple(rates))
