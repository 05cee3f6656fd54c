"""The server-sent events of an order, as the contract has them on the wire."""

from __future__ import annotations

import json
from datetime import UTC, datetime

MEDIA_TYPE = "text/event-stream"
CACHE_CONTROL = "no-cache"
HEARTBEAT_S = 15.0
HEARTBEAT = b":\n\n"

# Where PostgreSQL notifies of a new event; the payload is the order's id in decimal digits.
CHANNEL = "order_event"

# One that only listens sends nothing, and would not know without TCP keepalives that its server has vanished.
KEEPALIVE_IDLE_S = 15
KEEPALIVE_INTERVAL_S = 5
KEEPALIVES = 3


def event(event_id: int, status: str, created_at: datetime) -> bytes:
    """One event, the empty line after it included."""
    moment = created_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    data = json.dumps({"status": status, "created_at": moment}, separators=(",", ":"))
    return f"id: {event_id}\nevent: status\ndata: {data}\n\n".encode()
