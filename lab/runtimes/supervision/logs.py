"""Log files: the end of one to show, and a bound so that a service that shouts does not fill the disk."""

from __future__ import annotations

import os
from pathlib import Path

from lab.errors import LAST_LINES

SIZE_MAX_BYTES = 8 << 20
KEPT_BYTES = 1 << 20
BYTES_PER_LINE = 400


def last_lines(path: Path, lines: int = LAST_LINES) -> str:
    return "\n".join(_tail(path, lines * BYTES_PER_LINE).decode(errors="replace").splitlines()[-lines:])


def bound(path: Path) -> None:
    """Cuts a file that has grown too long down to its end. Its writer appends, so it goes on at the new end."""
    if path.stat().st_size > SIZE_MAX_BYTES:
        end = _tail(path, KEPT_BYTES)
        with path.open("r+b") as file:
            file.truncate(0)
            file.write(end)


def _tail(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - size))
        return file.read()
