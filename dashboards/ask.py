"""PromQL's recurring forms: what the variables choose, rates, shares, quantiles, and what load workers saw. Pure."""

from __future__ import annotations

from dashboards.series import UP
from lab.core.conventions import (
    DURATION,
    LOAD_COMPLETED,
    LOAD_LATENCY,
    LOAD_OK,
    Label,
    Metric,
)

SERVICES = 'namespace=~"$namespace",variant=~"$variant",role=~"$role"'
LAB = 'namespace=~"$namespace"'
PODS = 'job="pods"'
VARIANT = 'variant=~"$variant"'
ROLE = 'role=~"$role"'
FAILED = f'{Label.STATUS}=~"5.."'
OK = f'{Label.OUTCOME}="{LOAD_OK}"'
IN_TIME = 'le="$objective"'
SCRAPE_S = 5  # between two scrapes of a pod
STEP_S = 15  # of subqueries, and of what annotations look back


def of(name: str, *matchers: str, who: str = SERVICES) -> str:
    """The series of what the variables choose."""
    return f"{name}{{{','.join((who, *matchers))}}}"


def rate(name: str, *matchers: str, who: str = SERVICES) -> str:
    return f"rate({of(name, *matchers, who=who)}[$__rate_interval])"


def total(expression: str, *by: str, how: str = "sum") -> str:
    return f"{how} by ({', '.join(by)}) ({expression})" if by else f"{how}({expression})"


def counted(metric: Metric, *by: str, matchers: tuple[str, ...] = ()) -> str:
    """How often a second, of a histogram."""
    return total(rate(f"{metric.name}_count", *matchers), *by)


def quantile(share_: float, buckets: str, *by: str) -> str:
    """Of buckets' rates."""
    return f"histogram_quantile({share_:g}, {total(buckets, *by, 'le')})"


def latency(share_: float, metric: Metric, *by: str) -> str:
    return quantile(share_, rate(f"{metric.name}_bucket"), *by)


def share(part: str, whole: str) -> str:
    """None while there is no whole."""
    return f"{part} / ({whole} > 0)"


def failing(*by: str) -> str:
    return share(counted(DURATION, *by, matchers=(FAILED,)), counted(DURATION, *by))


def targets(*by: str) -> str:
    """How many replicas there are, whether Prometheus can read them or not."""
    return total(of(UP, PODS), *by, how="count")


def readable(*by: str) -> str:
    return total(of(UP, PODS), *by)


def seen(name: str, *matchers: str, during: str = "") -> str:
    """The rate of a load worker's counter; only while a trial runs that `during` selects, where it is given."""
    asked = rate(name, VARIANT, *matchers, who=LAB)
    return f"({asked} and on (pod, {Label.VARIANT}) {during})" if during else asked


def seen_rate(during: str = "") -> str:
    """Of requests that were settled: a kind of failure has no series until the first of them, the latency has."""
    return total(seen(f"{LOAD_LATENCY.name}_count", during=during), Label.VARIANT)


def seen_failing(during: str = "") -> str:
    return f"1 - {share(total(seen(LOAD_COMPLETED.name, OK, during=during), Label.VARIANT), seen_rate(during))}"


def seen_latency(share_: float, during: str = "") -> str:
    return quantile(share_, seen(f"{LOAD_LATENCY.name}_bucket", during=during), Label.VARIANT)


def seen_late() -> str:
    """The share of requests that took longer than the objective: answers and failures alike."""
    in_time = total(seen(f"{LOAD_LATENCY.name}_bucket", IN_TIME), Label.VARIANT)
    return f"1 - {share(in_time, seen_rate())}"


def grown(name: str, *matchers: str) -> str:
    """What a load worker counted over the time that is shown."""
    return total(f"increase({of(name, VARIANT, *matchers, who=LAB)}[$__range])", Label.VARIANT)


def over_range(expression: str, how: str = "sum_over_time", step_s: int = STEP_S) -> str:
    return f"{how}(({expression})[$__range:{step_s}s])"
