"""Scenarios by name or path, checked against their schema and the contract's operations."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.core import documents, scenario
from lab.core.scenario import Scenario
from lab.errors import InputError
from lab.tree import SCENARIOS, contract_operations

SUFFIX = ".yaml"


def names() -> list[str]:
    """What `load_scenario` knows by name."""
    return sorted(path.stem for path in SCENARIOS.glob(f"*{SUFFIX}"))


def load_scenario(name_or_path: str) -> Scenario:
    """The scenario of that name, or in that file. Raises InputError with every problem in it."""
    is_path = name_or_path.endswith(SUFFIX)
    if not is_path and name_or_path not in names():
        raise InputError("scenario", [f"{name_or_path}: none of {', '.join(names())}, nor the path of a {SUFFIX} file"])
    path = Path(name_or_path) if is_path else SCENARIOS / f"{name_or_path}{SUFFIX}"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("scenario", [f"{path}: cannot be read: {error}"]) from None
    document, problems = documents.read(text, _schema())
    if not problems:
        problems = scenario.problems(document, contract_operations())
    if problems:
        raise InputError(str(path), problems)
    return Scenario.from_document(path.stem, document)


@functools.cache
def _schema() -> Mapping[str, Any]:
    schema: Mapping[str, Any] = json.loads((SCENARIOS / "scenario.schema.json").read_text(encoding="utf-8"))
    return schema
