"""Compare: which variant gives more, and for what."""

from __future__ import annotations

from dashboards import panels
from dashboards.frame import ANNOTATIONS, OBJECTIVES, choosing
from dashboards.model import Dashboard, Row

OF_EACH = ("variant", "role")

COMPARE = Dashboard(
    "compare",
    "Compare",
    "Which variant answers more, faster, with fewer failures, and what does it cost? Side by side, on the same scales.",
    (*choosing(), *OBJECTIVES),
    ANNOTATIONS,
    (
        Row("Is there anything to compare?", (panels.state(),)),
        Row(
            "What clients saw",
            (
                panels.clients_rate(),
                panels.clients_failures(),
                panels.clients_latency(),
                panels.budget(),
                panels.budget_spent(),
            ),
        ),
        Row(
            "What services did",
            (
                panels.answered(*OF_EACH),
                panels.failures(*OF_EACH),
                panels.latency(*OF_EACH),
                panels.queue(*OF_EACH),
                panels.heat("variant"),
            ),
        ),
        Row(
            "What it cost",
            (
                panels.cpu(*OF_EACH),
                panels.memory(*OF_EACH),
                panels.cost(*OF_EACH),
                panels.busy(*OF_EACH),
                panels.throttled(*OF_EACH),
                panels.replicas(*OF_EACH),
            ),
        ),
    ),
)
