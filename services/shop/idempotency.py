"""Whether two requests with one idempotency key mean the same order."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable

KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")


def fingerprint(lines: Iterable[tuple[int, int]]) -> str:
    """SHA-256 (64 hex digits) over the validated (product id, quantity) pairs, in the order sent."""
    return hashlib.sha256(json.dumps([list(line) for line in lines]).encode()).hexdigest()
