"""How many replicas were ready while the load rose and fell, as lines of text: a character for some seconds. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

from lab.core.autoscaling import Size
from lab.core.schedule import Step
from lab.core.summary import Summary

BARS = "▁▂▃▄▅▆▇█"
COLUMNS_MAX = 50
MORE = "+"  # than a digit can say


def size_lines(summary: Summary) -> tuple[str, ...]:
    """Of each arm's first repeat that counts, below the load; empty where no load rises and falls."""
    experiment = summary.scenario.experiment
    steps = experiment.steps(summary.scenario.rate_per_s) if experiment else ()
    if not experiment or not steps:
        return ()
    each_s = math.ceil(experiment.load_s / COLUMNS_MAX)
    ends = [min((number + 1) * each_s, experiment.load_s) for number in range(math.ceil(experiment.load_s / each_s))]
    rows = {"load": _bars(steps, ends)}
    for result in summary.variants:
        counted = [trial for case in result.cases for trial in case.trials if trial.sizes and not trial.void]
        if counted:
            rows[result.name] = _digits(counted[0].sizes, ends)
    width = max(map(len, rows))
    return (
        f"Replicas ready at the end of each {each_s} s; the load is {experiment.peak_per_s:g}/s where it is highest:",
        *(f"{name:<{width}}  {row}" for name, row in rows.items()),
    )


def _bars(steps: Sequence[Step], ends: Sequence[float]) -> str:
    most = max(step.rate_per_s for step in steps)
    until = [*zip(accumulate(step.duration_s for step in steps), steps, strict=True)]
    rates = [next(step.rate_per_s for step_end, step in until if end <= step_end) for end in ends]
    return "".join(BARS[round(rate / most * (len(BARS) - 1))] for rate in rates)


def _digits(sizes: Sequence[Size], ends: Sequence[float]) -> str:
    ready = [[size.ready for size in sizes if size.at_s <= end][-1] for end in ends]
    return "".join(str(count) if count < 10 else MORE for count in ready)
