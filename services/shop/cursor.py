"""Where the next page starts: an opaque cursor around the last id of the page before."""

from __future__ import annotations

import base64
import binascii

INT64_MAX = 2**63 - 1
_VERSION = b"1:"


def encode(last_id: int) -> str:
    return base64.urlsafe_b64encode(_VERSION + str(last_id).encode()).rstrip(b"=").decode()


def decode(cursor: str) -> int:
    """The last id seen; ValueError if `encode` did not make this cursor."""
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (UnicodeEncodeError, binascii.Error):
        raw = b""
    digits = raw.removeprefix(_VERSION)
    last_id = int(digits) if digits.isdigit() and len(digits) <= 19 else 0
    if not 1 <= last_id <= INT64_MAX or encode(last_id) != cursor:
        raise ValueError("not a cursor of this service")
    return last_id
