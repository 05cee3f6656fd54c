"""What a replica publishes of itself: the contract's OpenAPI document, with the operations of its role only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_DOCUMENT = Path(__file__).resolve().parents[1] / "contract" / "openapi.yaml"
_SHARED = "parameters"  # what the operations of a path have in common, beside them
_ANY_ROLE = "any"


def openapi(role: str) -> dict[str, Any]:
    """An OpenAPI 3.1 document; its server is the one that it came from."""
    document: dict[str, Any] = yaml.load(_DOCUMENT.read_text(encoding="utf-8"), yaml.CSafeLoader)
    del document["servers"]
    paths = {
        path: kept
        for path, item in document["paths"].items()
        if (
            kept := {
                key: value for key, value in item.items() if key == _SHARED or value["x-role"] in (role, _ANY_ROLE)
            }
        )
        and kept.keys() != {_SHARED}
    }
    used = {tag for item in paths.values() for key, value in item.items() if key != _SHARED for tag in value["tags"]}
    return {**document, "tags": [tag for tag in document["tags"] if tag["name"] in used], "paths": paths}
