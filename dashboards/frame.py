"""What every dashboard has: variables to choose by, and marks at the times when something happened."""

from __future__ import annotations

from dashboards.ask import LAB, PODS, STEP_S, of, targets, total
from dashboards.empty import Empty
from dashboards.model import Annotation, Variable
from dashboards.series import STARTED, UP
from lab.core.conventions import TRIAL_INFO, Label
from lab.scenarios import load_scenario, names

NAMESPACE = Variable("namespace", "Namespace", "namespace", f"{UP}{{{PODS}}}")
_REPLICAS = f'{UP}{{{PODS},{LAB},role!=""}}'


def choosing(several: bool = True) -> tuple[Variable, ...]:
    """Namespace, variants and roles, or one variant and role."""
    return (
        NAMESPACE,
        Variable("variant", "Variant", "variant", _REPLICAS, several=several),
        Variable("role", "Role", "role", _REPLICAS, several=several),
    )


def _objectives() -> tuple[Variable, Variable]:
    """The scenarios' own: latency in seconds as a bucket's bound, and the share of requests that may fail."""
    slos = [load_scenario(name).slo for name in names()]
    latencies_s = sorted({slo.p99_ms / 1000 for slo in slos})
    shares = sorted({slo.error_share for slo in slos})
    return (
        Variable("objective", "99 % within", choices={f"{value * 1000:g} ms": str(value) for value in latencies_s}),
        Variable("may_fail", "May fail", choices={f"{value:.1%}": str(value) for value in shares}),
    )


OBJECTIVES = _objectives()

ANNOTATIONS = (
    Annotation(
        "Trials",
        total(of(TRIAL_INFO.name, who=LAB), Label.RUN, Label.TRIAL, Label.VARIANT, how="group"),
        "Trial {{trial}} of {{variant}}",
        "Run {{run}}; dashboard Trial shows it alone.",
        "blue",
        Empty.NO_TRIAL,
    ),
    Annotation(
        "Starts",
        total(f"time() - {of(STARTED)} < {STEP_S}", "variant", "role", how="count"),
        "{{variant}} {{role}}: a replica started",
        "A rollout, a scale-up, or a restart; dashboard Cluster and lab counts restarts.",
        "green",
        Empty.NOTHING_STARTED,
    ),
    Annotation(
        "Scaling",
        f"{targets('variant', 'role')} - "
        f"{total(f'{of(UP, PODS)} offset {STEP_S}s', 'variant', 'role', how='count')} != 0",
        "{{variant}} {{role}}: replicas came or went",
        "An autoscaler, a rollout, or a person.",
        "purple",
        Empty.NOTHING_SCALED,
    ),
)
