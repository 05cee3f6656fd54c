"""What a comparison says on a machine that other work takes time from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BY_THE_MACHINE = ("steal time was ", "requests left late: ")


def was_measured(variant: Mapping[str, Any]) -> bool:
    """Of a variant in summary.json: whether trials ran, and nothing but the machine made them void."""
    void = variant["reasons"] if variant["status"] == "void" else []
    return variant["status"] == "ok" or (bool(void) and all(reason.startswith(BY_THE_MACHINE) for reason in void))
