"""The rivals' parameters: those with the fewest bad requests at no more than ALLOWED times our decision's pod-seconds,
on training traces.

The whole grid meets a part of the training, and the FINALISTS all of it: generated traces of other seeds than the
benchmark's, and the first of the files that are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from benchmarks.scaling.contest import Entrant, HpaArm, KedaArm, OursArm, scores
from benchmarks.scaling.rivals import Signal
from benchmarks.scaling.score import Score, mean
from benchmarks.scaling.service import SERVICES, Service
from benchmarks.scaling.traces import Trace, generated

TRAINING_SEEDS = (101, 102)
HEATS = ("step", "spike", "diurnal")
HEAT_SERVICES = tuple(one for one in SERVICES if one.name in ("threads", "pinned"))
FINALISTS = 10
ALLOWED = 1.05

Rate = tuple[Signal, float | None, float]  # share of a replica's capacity, window
COMPLETED: list[Rate] = [(Signal.COMPLETED, share, 20.0) for share in (None, 0.6, 0.7, 0.8)]
ARRIVED: list[Rate] = [(Signal.ARRIVED, share, 10.0) for share in (0.6, 0.7, 0.8)]
UNDER_WAY = (None, 5.0, 8.0, 12.0)  # in one replica
UNDER_WAY_S = 5.0
DOWN_S = (30.0, 60.0, 120.0, 240.0)


def keda_grid(rates: Sequence[Rate]) -> list[KedaArm]:
    """A first one, of 480, had longer windows and the default for scaling up as well; the best had none of these."""
    return [
        KedaArm(*rate, under_way, UNDER_WAY_S, down_s, fast_up=True)
        for rate, under_way, down_s in product(rates, UNDER_WAY, DOWN_S)
        if rate[1] or under_way
    ]


KEDA_GRID = keda_grid(COMPLETED)
INGRESS_GRID = keda_grid(ARRIVED)
HPA_GRID = [HpaArm(percent) for percent in range(40, 95, 5)]


def ranked(grid: Sequence[Entrant], first: Trace | None) -> list[tuple[Entrant, Score]]:
    """Our decision, then the finalists that keep within what is allowed, with the fewest bad requests first."""
    training = [trace for seed in TRAINING_SEEDS for trace in generated(seed)]
    part = [trace for trace in generated(TRAINING_SEEDS[0]) if trace.name in HEATS]
    _, *passed = _within(grid, part, HEAT_SERVICES)
    finalists = [one for one, _ in passed[:FINALISTS]]
    return _within(finalists, [*training, first] if first else training, SERVICES)


def _within(
    grid: Sequence[Entrant], traces: Sequence[Trace], services: Sequence[Service]
) -> list[tuple[Entrant, Score]]:
    entrants = [OursArm(), *grid]
    ours, *others = zip(entrants, map(mean, scores(entrants, traces, services)), strict=True)
    within = [(one, score) for one, score in others if score.replicas <= ALLOWED * ours[1].replicas]
    return [ours, *sorted(within, key=lambda one: one[1].bad)]
