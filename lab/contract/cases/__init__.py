"""Everything that `openapi.yaml` and `runtime.md` promise of a service's behaviour, as a table of cases by theme."""

from __future__ import annotations

from collections.abc import Iterable

from lab.contract.cases import (
    bodies,
    catalog,
    fields,
    health,
    orders,
    paths,
    placing,
    races,
    recommend,
    search,
    streams,
    tokens,
    upstream,
)
from lab.contract.cases.case import Case
from lab.contract.document import Contract

_THEMES = (
    paths,
    tokens,
    bodies,
    fields,
    catalog,
    search,
    placing,
    orders,
    streams,
    upstream,
    races,
    recommend,
    health,
)


def of_operations(contract: Contract, role: str, operations: Iterable[str]) -> list[Case]:
    """The cases about these operations of a service that plays this role; they may call the role's others to help."""
    selected = {*operations, ""}
    return [case for theme in _THEMES for case in theme.cases(contract, role) if case.about in selected]
