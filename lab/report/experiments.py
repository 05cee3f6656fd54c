"""What was done to the variants on a cluster, as a table and in sentences: the same for all kinds. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from scaler.spec import Behavior, Target

from lab.core.autoscaling import Autoscaler
from lab.core.experiment import Experiment
from lab.core.figures import FIGURES, KINDS, Combined, Figure, Figures, Goal, Unit, Verdict
from lab.core.repeats import Range, Repeats
from lab.core.summary import Summary, VariantResult

NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Shown:
    """How a person reads a unit: its name, what values are multiplied by, digits behind the point below 100."""

    name: str
    factor: float
    digits: int

    def number(self, value: float | None) -> str:
        if value is None:
            return NOTHING
        number = value * self.factor
        return f"{number:.{0 if number >= 100 else self.digits}f}"


SHOWN: Mapping[Unit, Shown] = {
    Unit.REQUESTS: Shown("", 1, 0),
    Unit.SECONDS: Shown("s", 1, 1),
    Unit.MILLISECONDS: Shown("ms", 1, 1),
    Unit.BYTES: Shown("MiB", 2**-20, 0),
    Unit.CORES: Shown("millicores", 1000, 1),
    Unit.SHARE: Shown("%", 100, 1),
    Unit.COUNT: Shown("", 1, 0),
    Unit.POD_SECONDS: Shown("pod-s", 1, 0),
}


PERCENT = f"{Target().utilization * 100:g} %"
HPA_PERCENT = "70 %"  # as the service's chart says
HPA_HOLDS_S = 300.0  # Kubernetes' default
ARE: Mapping[Autoscaler, str] = {
    Autoscaler.HTTPAUTOSCALER: f"httpautoscaler is the lab's operator at {PERCENT} of what a replica can carry",
    Autoscaler.HPA: f"hpa is Kubernetes' own autoscaler at {HPA_PERCENT} of the CPU that a replica requests",
    Autoscaler.NONE: "none is 1 replica all the time",
}
MEANINGS: Mapping[str, str] = {
    "slow": " Slow is later than {:g} ms.",
    "bad_share": " Bad is failed, or later than {:g} ms.",
}
HOLDS_S: Mapping[Autoscaler, float] = {  # their own defaults
    Autoscaler.HTTPAUTOSCALER: Behavior().hold_s,
    Autoscaler.HPA: HPA_HOLDS_S,
}


def experiment_table(summary: Summary) -> Table:
    """A row for each variant and case; below a median the least and the most, where there were several repeats."""
    experiment = _experiment(summary)
    measures = KINDS[experiment.kind]
    rates = dict.fromkeys(rate for rate in (summary.scenario.rate_per_s, experiment.peak_per_s) if rate)
    told_rates = ", then ".join(f"{rate_per_s:g}/s" for rate_per_s in rates)
    title = summary.scenario.title + (f" (at {told_rates})" if rates else "")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0)
    table.add_column("variant", min_width=7, overflow="fold")
    if experiment.limits_m:
        table.add_column("CPU\nlimit", justify="right", no_wrap=True)
    table.add_column("re-\npeats", justify="right", no_wrap=True)
    for figure in measures.figures:
        unit = SHOWN[figure.unit].name
        table.add_column("\n".join(filter(None, [figure.heading, unit])), justify="right", no_wrap=True)
    for result in summary.variants:
        for number, case in enumerate(result.cases):
            name = "" if number else result.name.replace(", ", ",").replace(",", ",\n")
            cells = [_cell(figure, case.figures.get(figure.name)) for figure in measures.figures]
            table.add_row(name, *([case.case] if experiment.limits_m else []), _counted(case), *cells)
    return table


def experiment_sentences(summary: Summary) -> tuple[str, ...]:
    return tuple(_sentences(summary))


def told(figures: Figures) -> str:
    """The figures of one repeat, in a line."""
    known = [(FIGURES[name], value) for name, value in figures.items()]
    return ", ".join(
        figure.phrase.format(_with_unit(figure, value)) if value is not None else figure.open_ended
        for figure, value in known
        if value is not None or figure.open_ended
    )


def _sentences(summary: Summary) -> Iterator[str]:
    experiment = _experiment(summary)
    measures = KINDS[experiment.kind]
    found = [
        f"{result.name}{f' with {case.case}' if case.case else ''} {_figures(case)}"
        for result in summary.variants
        for case in result.cases
        if case.figures
    ]
    meant = "".join(MEANINGS.get(name, "") for name in _names(experiment)).format(summary.scenario.slo.p99_ms)
    yield f"{_title(summary)}: {'; '.join(found) or 'nothing was measured'}.{meant}"
    if measures.goal:
        yield _goal(summary, measures.goal)
    if summary.autoscalers:
        yield _autoscalers(summary.autoscalers, experiment)
    yield _belief(summary, experiment)
    for result in summary.variants:
        for case in result.cases:
            if case.missing and case.figures:
                repeats = f"{len(case.missing)} of {len(case.missing) + case.counted} repeats"
                of = " with ".join(filter(None, [result.name, case.case]))
                yield f"Not counted, because they stayed void: {repeats} of {of}: {'; '.join(case.missing[-1].void)}."


def _figures(case: Repeats) -> str:
    counted = [trial for trial in case.trials if not trial.void]
    phrases = []
    for name, found in case.figures.items():
        figure = FIGURES[name]
        beyond = sum(trial.figures.get(name) is None for trial in counted) if figure.open_ended else 0
        if found.value is not None:
            span = _span(figure, found)
            phrases.append(figure.phrase.format(_with_unit(figure, found.value) + (f" ({span})" if span else "")))
        if beyond:
            phrases.append(
                f"{figure.open_ended} in {beyond} of {len(counted)}" if len(counted) > 1 else figure.open_ended
            )
    return ", ".join(phrases)


def _goal(summary: Summary, goal: Goal) -> str:
    by_verdict: dict[Verdict, list[str]] = {}
    for result in summary.variants:
        for case in result.cases:
            if case.verdict:
                by_verdict.setdefault(case.verdict, []).append(result.name)
    said = {
        Verdict.HELD: "held by {}",
        Verdict.MISSED: "missed by {}",
        Verdict.TOO_FEW: "neither held nor missed by {}, whose repeats or requests are too few to say so",
    }
    verdicts = [said[one].format(", ".join(by_verdict[one])) for one in Verdict if one in by_verdict]
    enough = f"at least {goal.requests} requests over {goal.repeats} repeats"
    reached = "; ".join(verdicts) or "nothing is known"
    return f"Goal: no request failed and at most {goal.retried_share:.1%} sent again, of {enough}: {reached}."


def _autoscalers(autoscalers: Sequence[Autoscaler], experiment: Experiment) -> str:
    """What they are, so that nobody takes one for what it is not."""
    told = [ARE[autoscaler] for autoscaler in autoscalers]
    holds = [
        f"{autoscaler} after {own_s if experiment.hold_s is None else experiment.hold_s:g} s"
        for autoscaler, own_s in HOLDS_S.items()
        if autoscaler in autoscalers
    ]
    down = f" Down goes {' and '.join(holds)} in which less would have done." if holds else ""
    return f"{'; '.join(told)}.{down}"


def _belief(summary: Summary, experiment: Experiment) -> str:
    most = max((case.counted for result in summary.variants for case in result.cases), default=0)
    telemetry = "" if summary.compares_telemetry else f", with telemetry {summary.telemetry[0].name}"
    sums = any(FIGURES[name].combined is Combined.SUM for name in _names(experiment))
    figures = "counts are sums, other figures medians" if sums else "figures are medians"
    believed = (
        f"{most} repeats at most: {figures} with the least and the most; no ranking"
        if most > 1
        else "observed once, which ranks nothing"
    )
    failed = [result for result in summary.variants if not any(case.figures for case in result.cases)]
    void = f"; nothing is claimed of {_listed(failed)}" if failed else ""
    return f"With runtime {summary.runtime.runtime}{telemetry}, {believed}{void}. {summary.runtime.limits}"


def _experiment(summary: Summary) -> Experiment:
    assert summary.scenario.experiment
    return summary.scenario.experiment


def _title(summary: Summary) -> str:
    experiment = _experiment(summary)
    return KINDS[experiment.kind].title.format(
        replicas=experiment.replicas,
        rate=f"{summary.scenario.rate_per_s:g}",
        peak=f"{experiment.peak_per_s:g}",
        most=experiment.max_replicas,
    )


def _names(experiment: Experiment) -> list[str]:
    return [figure.name for figure in KINDS[experiment.kind].figures]


def _listed(results: list[VariantResult]) -> str:
    return ", ".join(result.name for result in results)


def _counted(case: Repeats) -> str:
    return f"{case.counted} of {case.counted + len(case.missing)}" if case.missing else str(case.counted)


def _cell(figure: Figure, found: Range | None) -> str:
    if found is None:
        return NOTHING
    return "\n".join(filter(None, [SHOWN[figure.unit].number(found.value), _span(figure, found)]))


def _with_unit(figure: Figure, value: float) -> str:
    return " ".join(filter(None, [SHOWN[figure.unit].number(value), SHOWN[figure.unit].name]))


def _span(figure: Figure, found: Range) -> str:
    """From the least to the most; empty where that is no more than the value itself."""
    if found.low is None or found.low == found.high:
        return ""
    number = SHOWN[figure.unit].number
    return f"{number(found.low)}–{'…' if found.high is None else number(found.high)}"
