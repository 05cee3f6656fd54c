"""What all objects of a Kubernetes API have in common, as `kubectl get --output=json` gives them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = Mapping[str, Any]


def name_of(one: Object) -> str:
    return str(one["metadata"]["name"])


def is_ending(one: Object) -> bool:
    return "deletionTimestamp" in one["metadata"]


def condition_of(one: Object, kind: str, status: str = "True") -> Object | None:
    """None where it is not there, or has another status."""
    found = one.get("status", {}).get("conditions", ())
    return next((each for each in found if each["type"] == kind and each["status"] == status), None)
