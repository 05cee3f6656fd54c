"""What the checkout holds that the lab reads."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lab.core import operations
from lab.core.operations import Operation

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ROOT / "services"
CONTRACT = SERVICES / "contract"
SCENARIOS = ROOT / "scenarios"


@functools.cache
def contract_document() -> Mapping[str, Any]:
    """`openapi.yaml`."""
    text = (CONTRACT / "openapi.yaml").read_text(encoding="utf-8")
    document: Mapping[str, Any] = yaml.load(text, yaml.CSafeLoader)
    return document


@functools.cache
def contract_operations() -> Mapping[str, Operation]:
    """The operations of `openapi.yaml`, by operationId."""
    return operations.read(contract_document())
