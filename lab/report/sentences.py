"""A run in a few sentences: what was held, what it cost, what it did to others, how far to believe it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.core.beside import Level, workload
from lab.core.ladder import FACTOR, End
from lab.core.price import Price
from lab.core.summary import Summary, VariantResult
from lab.report.experiments import experiment_sentences


def sentences(summary: Summary) -> tuple[str, ...]:
    if summary.scenario.experiment:
        return experiment_sentences(summary)
    return (*_sentences(summary), _belief(summary))


def _sentences(summary: Summary) -> Iterator[str]:
    if summary.scenario.requests:
        yield _held(summary)
        yield _cost(summary)
        yield from _not_compared(summary)
        if summary.compares_telemetry:
            yield from _price(summary)
    if summary.scenario.beside:
        yield _beside(summary)
    if summary.scenario.streams:
        yield _streams(summary)


def between(result: VariantResult) -> str:
    """The highest rate held, as far as the ladder shows it."""
    held, missed = result.climb.held_per_s, result.climb.missed_per_s
    if result.status != "ok":
        return "not measured" if held is None else f"at least {held:.0f}, then void"
    if held is None:
        return f"less than {missed:.0f}"
    return f"at least {held:.0f}" if missed is None else f"between {held:.0f} and {missed:.0f}"


def throughput(price: Price) -> str:
    """The ratio of the rates held, and what it is between as far as the ladder shows it."""
    if price.first is None:
        return "1" if price.climb.held_per_s else "–"
    ratio, (low, high) = price.throughput_ratio, price.throughput_ratio_between
    if ratio is not None:
        return f"{ratio:.2f} ({low:.2f}–{high:.2f})"
    if low is not None:
        return f"at least {low:.2f}"
    return "–" if high is None else f"at most {high:.2f}"


def _price(summary: Summary) -> Iterator[str]:
    """What each level costs, how finely that is known, and what is not known."""
    for number, level in enumerate(summary.telemetry[1:], 1):
        told = []
        for stack, levels in summary.prices.items():
            price = levels[number]
            if price.cpu_ratio is not None and price.cost and price.base.cost:
                more_ms = (price.cost.cpu_s_per_request - price.base.cost.cpu_s_per_request) * 1000
                told.append(f"{stack} {price.cpu_ratio:.2f} ({more_ms:+.2f} ms)")
        if told:
            yield (
                f"CPU per request with {level.name}, relative to {summary.telemetry[0].name}, at half of the lowest "
                f"rate that the stack's levels held: {', '.join(told)}."
            )
    yield (
        f"Rungs are {FACTOR:g} apart, so a ratio of rates held is known no better than within its range: "
        "CPU per request is known better, though from few trials."
    )
    for stack, levels in summary.prices.items():
        for price in levels:
            if price.reasons and price.climb.end:  # what was not measured at all is told of as failed
                yield f"Nothing is said of {stack} with {price.level.name} at half load: {'; '.join(price.reasons)}."


def _held(summary: Summary) -> str:
    slo = summary.scenario.slo
    rates = _listed([(result, between(result)) for result in summary.variants])
    return (
        f"Requests per second of scenario {summary.scenario.name} that each variant held with p99 within "
        f"{slo.p99_ms:g} ms and at most {slo.error_share:.1%} errors: {rates}."
    )


def _cost(summary: Summary) -> str:
    costs = [
        (result, f"{cost * 1000:.2f} ms")
        for result in summary.variants
        if result.reference and (cost := result.reference.cpu_s_per_request) is not None
    ]
    if not costs:
        return "No rate was held by the variants, so there is no rate at which to compare what a request costs."
    return f"At {summary.compared_at_per_s:.0f} requests per second, one request cost this much CPU: {_listed(costs)}."


def _not_compared(summary: Summary) -> Iterator[str]:
    for result in summary.variants:
        if result.not_compared:
            at = f"at {summary.compared_at_per_s:.0f} requests per second"
            yield f"Nothing is said of {_names([result])} {at}: {'; '.join(result.not_compared)}."


def _listed(told: Sequence[tuple[VariantResult, str]]) -> str:
    """What is told of each arm; by stack where levels of telemetry are compared."""
    if not any(result.arm.compared for result, _ in told):
        return ", ".join(f"{result.name} {text}" for result, text in told)
    of_stack: dict[str, list[str]] = {}
    for result, text in told:
        of_stack.setdefault(result.arm.stack.name, []).append(f"{result.arm.telemetry.name} {text}")
    return "; ".join(f"{stack}: {', '.join(texts)}" for stack, texts in of_stack.items())


def _names(results: Sequence[VariantResult]) -> str:
    return ", ".join(
        f"{result.arm.stack.name} with {result.arm.telemetry.name}" if result.arm.compared else result.name
        for result in results
    )


def _measured(result: VariantResult) -> list[Level]:
    return [level for level in result.levels if not level.trial.void]


def _beside(summary: Summary) -> str:
    scenario = summary.scenario
    assert scenario.beside
    told = []
    for result in summary.variants:
        at = {level.level: level.trial.measurement for level in _measured(result)}
        if at.keys() >= {0, scenario.beside.levels[-1]}:
            alone, most = (at[level].beside for level in (0, scenario.beside.levels[-1]))
            assert alone
            assert most
            told.append(f"{result.name} {alone.latency_ms['p99']:.1f} → {most.latency_ms['p99']:.1f} ms")
    return (
        f"p99 of {scenario.beside.request.operation} at {scenario.beside.rate_per_s:g} per second, alone → beside "
        f"{scenario.beside.levels[-1]} {workload(scenario)}: {', '.join(told) or 'not measured'}."
    )


def _streams(summary: Summary) -> str:
    """Of the last level."""
    told = []
    for result in summary.variants:
        for level in _measured(result)[-1:]:
            streams = level.trial.measurement.streams
            if streams:
                told.append(f"{result.name} held {streams.held} of {streams.wanted} and refused {streams.refused}")
    return (
        f"Streams: {'; '.join(told) or 'not measured'}. "
        "A server with a thread for each request holds few, and refuses the others with 503 and Retry-After."
    )


def _belief(summary: Summary) -> str:
    limited = [r for r in summary.variants if r.status == "ok" and r.climb.end is End.GENERATOR]
    failed = [result for result in summary.variants if result.status != "ok"]
    generator = f"; the load generator was the limit for {_names(limited)}" if limited else ""
    void = f"; nothing is claimed of {_names(failed)}" if failed else ""
    telemetry = "" if summary.compares_telemetry else f", with telemetry {summary.telemetry[0].name}"
    return (
        f"This was observed once, with runtime {summary.runtime.runtime}{telemetry}, each rate tried for seconds: "
        f"too few repeats to rank the variants{generator}{void}. {summary.runtime.limits}"
    )
