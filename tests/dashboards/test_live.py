"""Every expression of dashboards and rules, asked of a real Prometheus that scraped a real lab under load."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Sequence

import pytest

from dashboards.catalogue import DASHBOARDS, expressions
from dashboards.empty import Empty
from dashboards.prometheus import Series
from dashboards.promql import named
from dashboards.rules.files import groups
from dashboards.rules.rule import Alert, Recording
from dashboards.rules.scale import LAB, SCALES
from lab.errors import RuntimeFailure
from lab.runtimes.local import LocalRuntime
from lab.tree import SERVICES
from lab.variants import load_manifests
from tests.dashboards.living import NAMESPACE, RUN, TRIAL, Living, living

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed"),
]

# Reasons to be empty that hold in this lab: of all others a series is demanded.
HOLD = frozenset(
    {
        Empty.NO_KUBELETS,
        Empty.NO_WORKERS_OF_KUBELETS,
        Empty.NO_COLLECTOR,
        Empty.NO_FAILED_SPANS,
        Empty.NO_OPERATOR,
        Empty.NO_RULES,
        Empty.NOTHING_WAITS,
        Empty.NOTHING_FAILED,
        Empty.NOTHING_LOST,
        Empty.NOTHING_STARTED,
        Empty.NOTHING_SCALED,
    }
)
NOT_HERE = ("container_", "lab_autoscaler_", "otelcol_")  # series of kubelets, operator and collector
VALUES = {
    "namespace": NAMESPACE,
    "variant": ".+",
    "role": ".+",
    "run": RUN,
    "trial": TRIAL,
    "__rate_interval": "10s",
    "__range": "60s",
}
UNITS = {(of.title, panel.title): panel.unit for of in DASHBOARDS for row in of.rows for panel in row.panels}
MOST = {
    "percentunit": 1.05,  # a rate is drawn out to the ends of its window
    "s": 1000,
    "bytes": 2**36,
    "reqps": 1000,
    "ops": 1000,
    "Bps": 1e9,
    "short": 1e6,
    "none": 1000,
}
OVER_ALL = {("Compare", "Budget spent, latency")}  # a share of what may be, not of what there is
ROUNDING = 1e-9


@pytest.fixture(scope="module")
def lab(runtime: LocalRuntime, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    asked, *idle = load_manifests([SERVICES]).values()
    with living(runtime, asked, idle, tmp_path_factory.mktemp("prometheus")) as lab:
        yield lab


def answered(lab: Living, expression: str) -> tuple[Sequence[Series], list[str]]:
    """And what Prometheus says against it."""
    try:
        return lab.ask(expression), []
    except RuntimeFailure as error:
        return (), [str(error)]


def values(found: Sequence[Series]) -> list[float]:
    return [value for series in found for _, value in series.points]


def outside(found: Sequence[Series], most: float) -> list[float]:
    return [value for value in values(found) if not math.isnan(value) and not -ROUNDING <= value <= most]


def test_panels_and_marks_have_plausible_answers(lab: Living, record_property: Callable[[str, object], None]) -> None:
    problems: list[str] = []
    for each in expressions():
        where = (each.dashboard, each.panel)
        found, wrong = answered(lab, each.asked(VALUES))
        if not found and not wrong and each.may_be_empty not in HOLD:
            wrong.append(f"no series, and {each.may_be_empty or 'no reason for it'}")
        most = math.inf if where in OVER_ALL or where not in UNITS else MOST[UNITS[where]]
        if "histogram_quantile" not in each.expression and any(map(math.isnan, values(found))):
            wrong.append("not a number, and no quantile of nothing")
        if where in UNITS and (odd := outside(found, most)):
            wrong.append(f"not from 0 to {most:g}: {odd}")
        problems += [f"{': '.join(where)}: {each.expression}: {said}" for said in wrong]
    record_property("executed", f"{len(expressions())} expressions of panels and marks")
    assert not problems, "\n".join(problems)


def test_rules_have_plausible_answers(lab: Living, record_property: Callable[[str, object], None]) -> None:
    problems: list[str] = []
    rules = [rule for scale in SCALES for group in groups(scale) for rule in group.rules]
    for rule in rules:
        found, wrong = answered(lab, rule.expr)
        if isinstance(rule, Recording):
            wrong += [] if wrong or any(map(math.isfinite, values(found))) else ["no series with a number"]
            wrong += [f"no share: {odd}" for odd in outside(found, 1)]
        problems += [f"{rule.name}: {rule.expr}: {said}" for said in wrong]
    record_property("executed", f"{len(rules)} expressions of rules")
    assert not problems, "\n".join(problems)


def test_what_alerts_look_at_is_there(lab: Living) -> None:
    """An alert of what is well has no series: so has one of a series that nobody tells."""
    recorded = {rule.name for group in groups(LAB) for rule in group.rules if isinstance(rule, Recording)}
    looked_at = {
        selector.name
        for group in groups(LAB)
        for rule in group.rules
        if isinstance(rule, Alert)
        for selector in named(rule.expr).selectors
    }
    told = {name for name in looked_at - recorded if not name.startswith(NOT_HERE)}
    missing = [name for name in sorted(told) if not lab.ask(name)]
    assert not missing, "\n".join(missing)


def test_prometheus_records_what_alerts_look_at(lab: Living) -> None:
    """Of groups that are evaluated as often as it scrapes: it had no time for the others."""
    recorded = {
        rule.name for group in groups(LAB) if not group.interval for rule in group.rules if isinstance(rule, Recording)
    }
    assert recorded
    missing = [name for name in sorted(recorded) if not lab.ask(name)]
    assert not missing, "\n".join(missing)
