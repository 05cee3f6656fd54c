"""A run in a few sentences: what was held, what it cost, what it did to others, how far to believe it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from lab.core.beside import Level, workload
from lab.core.ladder import End
from lab.core.summary import Summary, VariantResult


def sentences(summary: Summary) -> tuple[str, ...]:
    return (*_sentences(summary), _belief(summary))


def _sentences(summary: Summary) -> Iterator[str]:
    if summary.scenario.requests:
        yield _held(summary)
        yield _cost(summary)
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


def _held(summary: Summary) -> str:
    slo = summary.scenario.slo
    rates = ", ".join(f"{result.name} {between(result)}" for result in summary.variants)
    return (
        f"Requests per second of scenario {summary.scenario.name} that each variant held with p99 within "
        f"{slo.p99_ms:g} ms and at most {slo.error_share:.1%} errors: {rates}."
    )


def _cost(summary: Summary) -> str:
    costs = [
        f"{result.name} {cost * 1000:.2f} ms"
        for result in summary.variants
        if result.reference and (cost := result.reference.cpu_s_per_request) is not None
    ]
    if not costs:
        return "No rate was held by the variants, so there is no rate at which to compare what a request costs."
    told = ", ".join(costs)
    return f"At {summary.compared_at_per_s:.0f} requests per second, one request cost this much CPU: {told}."


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
    limited = [r.name for r in summary.variants if r.status == "ok" and r.climb.end is End.GENERATOR]
    failed = [result.name for result in summary.variants if result.status != "ok"]
    generator = f"; the load generator was the limit for {', '.join(limited)}" if limited else ""
    void = f"; nothing is claimed of {', '.join(failed)}" if failed else ""
    return (
        "This was observed once on this machine without CPU limits, each rate tried for seconds: "
        f"too few repeats to rank the variants{generator}{void}."
    )
