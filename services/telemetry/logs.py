"""Logs as `services/contract/runtime.md` asks for them: one JSON object in a line, on standard output."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from shop.settings import Settings, Telemetry

from telemetry import errors

SPAN_OF_ERROR = "telemetry_span"  # an exception's attribute: the members that say in which span it was raised


class JSONFormatter(logging.Formatter):
    """`always` are members of every line, `current_span` gives those of the span in which it is logged."""

    def __init__(self, always: Mapping[str, str], current_span: Callable[[], Mapping[str, str]]) -> None:
        super().__init__()
        self._always = always
        self._current_span = current_span

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._always,
            **self._current_span(),
            **_exception(record),
        }
        return json.dumps(line, ensure_ascii=False)


def _exception(record: logging.LogRecord) -> dict[str, str]:
    if not record.exc_info or record.exc_info[0] is None:
        return {}
    error = record.exc_info[1]
    assert error
    return {
        "exception_type": errors.kind(error),
        "exception_message": errors.message(error),
        "exception_stacktrace": errors.stacktrace(error),
        **getattr(error, SPAN_OF_ERROR, {}),
    }


def configure(settings: Settings, level: int = logging.WARNING) -> None:
    """Lets the root logger write such lines, and nothing else."""
    current_span: Callable[[], Mapping[str, str]] = dict
    if settings.telemetry is Telemetry.OFFICIAL:
        from telemetry.tracing import current_span
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JSONFormatter({"role": settings.role.value, "variant": settings.variant}, current_span))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
