"""What a database error means."""

from __future__ import annotations

import psycopg
from django.db import IntegrityError


def violates(error: IntegrityError, constraint: str) -> bool:
    """Whether the constraint of this name refused the write."""
    cause = error.__cause__
    return isinstance(cause, psycopg.Error) and cause.diag.constraint_name == constraint
