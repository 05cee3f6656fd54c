"""Alerts when a budget of slow or failed requests is spent too fast: several windows, several rates of burning.

https://sre.google/workbook/alerting-on-slos/ ("Multiwindow, Multi-Burn-Rate Alerts"). A rate of 1 spends a budget of 30
days in 30 days. The long window says that it matters, the short one that it still goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from dashboards.rules.objectives import SLOW_BUDGET, Objective, failed_budgets
from dashboards.rules.rule import Alert, Group, Recording, Severity
from dashboards.rules.scale import Scale
from lab.core.conventions import (
    DURATION,
    LOAD_COMPLETED,
    LOAD_LATENCY,
    LOAD_OK,
    QUEUE_TIME,
    Label,
)

OR = "\nor\n"
MINUTE, HOUR, DAY = 60, 3600, 86400
SHARE = "{{ $value | humanizePercentage }}"
CLIENTS, SERVERS = "clients", "servers"  # who saw it
ROLE = "role"  # of targets: the chart's scrape configuration adds it


@dataclass(frozen=True, slots=True)
class Burn:
    """Seconds of production."""

    rate: float
    long_s: int
    short_s: int


BURNS = {
    Severity.PAGE: (Burn(14.4, HOUR, 5 * MINUTE), Burn(6, 6 * HOUR, 30 * MINUTE)),
    Severity.TICKET: (Burn(3, DAY, 2 * HOUR), Burn(1, 3 * DAY, 6 * HOUR)),
}


def clients(scale: Scale, objectives: Sequence[Objective]) -> Iterator[Group]:
    """By what the load generator saw: latency from when a request was due, whatever it waited for; every failure."""
    by = f"{Label.VARIANT}, {Label.SCENARIO}"
    slow, failed = "variant_scenario:lab_load_slow:ratio_rate", "variant_scenario:lab_load_failed:ratio_rate"

    def record(window: str) -> Iterator[Recording]:
        late = [
            f"1 - {_within(LOAD_LATENCY.name, _named(Label.SCENARIO, one.names), one.latency_s, window, by)}"
            for one in objectives
        ]
        yield Recording(slow + window, OR.join(late))
        ok = f'sum by ({by}) (rate({LOAD_COMPLETED.name}{{{Label.OUTCOME}="{LOAD_OK}"}}[{window}]))'
        # Of those that ended: a kind of failure has no series, and so no rate, until its first has been there.
        ended = f"sum by ({by}) (rate({LOAD_LATENCY.name}_count[{window}]))"
        yield Recording(failed + window, f"1 - {ok} / {ended}")

    who = "Clients of {{ $labels.variant }} ({{ $labels.scenario }})"
    alerts = _alerts(scale, objectives, Label.SCENARIO, CLIENTS, (slow, failed), who)
    return _groups(CLIENTS, scale, record, list(alerts))


def servers(scale: Scale, objectives: Sequence[Objective], streams: Sequence[str]) -> Iterator[Group]:
    """By what replicas tell, where no load generator is at work: whichever is worse, time in their queues or after.

    `streams` are routes whose answers are meant to take long.
    """
    by = f"{Label.VARIANT}, {ROLE}"
    slow, failed = "variant_role:http_server_slow:ratio_rate", "variant_role:http_server_failed:ratio_rate"
    answers = f'{Label.ROUTE}!~"{"|".join(streams)}"'

    def record(window: str) -> Iterator[Recording]:
        late = []
        for one in objectives:
            named = _named(ROLE, one.names)
            after = _within(DURATION.name, f"{named}, {answers}", one.latency_s, window, by)
            queued = _within(QUEUE_TIME.name, named, one.latency_s, window, by)
            both = f'label_replace({after}, "in", "service", "", "") or label_replace({queued}, "in", "queue", "", "")'
            late.append(f"1 - min by ({by}) ({both})")
        yield Recording(slow + window, OR.join(late))
        count = f"{DURATION.name}_count"
        bad = f'sum by ({by}) (rate({count}{{{ROLE}!="", {Label.STATUS}=~"5.."}}[{window}]))'
        yield Recording(failed + window, f'{bad} / sum by ({by}) (rate({count}{{{ROLE}!=""}}[{window}]))')

    who = "Users of {{ $labels.role }} ({{ $labels.variant }})"
    nobody = f"unless on () (sum(rate({LOAD_COMPLETED.name}[{scale.objective(5 * MINUTE)}])) > 0)"
    alerts = _alerts(scale, objectives, ROLE, SERVERS, (slow, failed), who, nobody)
    return _groups(SERVERS, scale, record, list(alerts))


def _groups(
    seen_by: str, scale: Scale, record: Callable[[str], Iterable[Recording]], alerts: Sequence[Alert]
) -> Iterator[Group]:
    """Pages, then tickets, whose windows are long and cost the most: they are looked at less often."""
    recorded: set[int] = set()
    for severity, interval in ((Severity.PAGE, scale.interval), (Severity.TICKET, scale.slow_interval)):
        windows = {window for burn in BURNS[severity] for window in (burn.long_s, burn.short_s)} - recorded
        recorded |= windows
        rules: list[Recording | Alert] = [
            rule for window in sorted(windows) for rule in record(scale.objective(window))
        ]
        rules += [alert for alert in alerts if alert.severity is severity]
        yield Group(f"objectives-{seen_by}-{severity}", rules, interval)


def _alerts(
    scale: Scale,
    objectives: Sequence[Objective],
    level: str,
    seen_by: str,
    records: tuple[str, str],
    who: str,
    unless: str = "",
) -> Iterator[Alert]:
    slow, failed = records
    for severity, burns in BURNS.items():
        pace = "within hours" if severity is Severity.PAGE else "within days"
        rates = " or ".join(
            f"{burn.rate:g} times its rate over {scale.objective(burn.long_s)} and {scale.objective(burn.short_s)}"
            for burn in burns
        )
        spent = f"The budget burns at {rates}"
        labels = {"seen_by": seen_by}
        yield Alert(
            "LatencyBudgetBurn",
            severity,
            _burning(scale, burns, slow, "", SLOW_BUDGET, unless),
            f"{who} wait too long: what a month may have of slow answers is gone {pace}",
            f"{SHARE} of the requests took longer than the objective, of which {SLOW_BUDGET:.1%} may. {spent}",
            labels=labels,
        )
        for budget, names in failed_budgets(objectives):
            yield Alert(
                "ErrorBudgetBurn",
                severity,
                _burning(scale, burns, failed, f"{{{_named(level, names)}}}", budget, unless),
                f"{who} get errors: what a month may have of them is gone {pace}",
                f"{SHARE} of the requests failed, of which {budget:.1%} may. {spent}",
                labels=labels,
            )


def _burning(scale: Scale, burns: Sequence[Burn], record: str, of: str, budget: float, unless: str) -> str:
    pairs = [
        f"({record}{scale.objective(burn.long_s)}{of} > {burn.rate:g} * {budget:g}"
        f" and {record}{scale.objective(burn.short_s)}{of} > {burn.rate:g} * {budget:g})"
        for burn in burns
    ]
    either = OR.join(pairs)
    return f"({either})\n{unless}" if unless else either


def _within(metric: str, named: str, latency_s: float, window: str, by: str) -> str:
    """The share of a histogram's values that are at most so large."""
    most = f'sum by ({by}) (rate({metric}_bucket{{{named}, le="{latency_s}"}}[{window}]))'
    return f"{most} / sum by ({by}) (rate({metric}_count{{{named}}}[{window}]))"


def _named(label: str, names: Sequence[str]) -> str:
    return f'{label}=~"{"|".join(names)}"'
