"""All dashboards, and every expression in them."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards import model
from dashboards.boards.autoscaling import AUTOSCALING
from dashboards.boards.cluster import CLUSTER
from dashboards.boards.compare import COMPARE
from dashboards.boards.service import SERVICE
from dashboards.boards.trial import TRIAL
from dashboards.boards.watching import WATCHING
from dashboards.model import Dashboard, Expression

DASHBOARDS: tuple[Dashboard, ...] = (COMPARE, SERVICE, AUTOSCALING, CLUSTER, WATCHING, TRIAL)


def expressions() -> Sequence[Expression]:
    """Of all panels and annotations; traces and text have none that Prometheus could be asked."""
    return [expression for dashboard in DASHBOARDS for expression in model.expressions(dashboard)]
