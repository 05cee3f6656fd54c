"""Where spans are kept: a file that one process writes while others read.

Messages stay as they came, since taking spans apart costs more than most of them are worth: nobody reads most of them.
Beside each message is a row for each trace in it, by which traces are found. A message is on its way to the disk, out
of the process, when `add` returns. The oldest messages are removed when there are more than `KEPT_BYTES`: about half a
million spans, and a file of some 300 MB.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from lab.core.trace import Span, TraceSummary
from lab.errors import InputError
from lab.telemetry import otlp

KEPT_BYTES = 256 << 20
ID_DIGITS = 2 * otlp.TRACE_ID_BYTES
NAMED_AT_MOST = 5

_SETTINGS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;  -- a lab's spans need not outlive a power failure
"""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS part (
    message INTEGER NOT NULL, trace_id BLOB NOT NULL, spans INTEGER NOT NULL, failed INTEGER NOT NULL,
    role TEXT, variant TEXT, name TEXT, is_root INTEGER, start_ns INTEGER, duration_ns INTEGER,
    PRIMARY KEY (message, trace_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS part_of_trace ON part (trace_id);
CREATE INDEX IF NOT EXISTS newest_entries ON part (start_ns) WHERE start_ns IS NOT NULL;
CREATE INDEX IF NOT EXISTS slowest_entries ON part (duration_ns) WHERE duration_ns IS NOT NULL;
CREATE INDEX IF NOT EXISTS failed_parts ON part (trace_id) WHERE failed;
"""
# The entry of each trace that no other one outranks: a root before all others, then the longest, then what came first.
_SUMMARIES = """
SELECT trace_id, name, role, variant, start_ns, duration_ns FROM part AS entry
WHERE {order} IS NOT NULL AND start_ns >= :since_ns
    AND (:role = '' OR role = :role) AND (:variant = '' OR variant = :variant)
    AND (NOT :errors OR trace_id IN (SELECT trace_id FROM part WHERE failed))
    AND NOT EXISTS (
        SELECT 1 FROM part AS other WHERE other.trace_id = entry.trace_id
            AND (other.is_root, other.duration_ns, entry.message) > (entry.is_root, entry.duration_ns, other.message)
    )
ORDER BY {order} DESC
LIMIT :limit
"""
_COUNTS = "SELECT sum(spans), sum(failed) FROM part WHERE trace_id = ?"
_IDS = "SELECT DISTINCT trace_id FROM part WHERE trace_id BETWEEN ? AND ? LIMIT ?"
_MESSAGES = "SELECT body FROM message WHERE id IN (SELECT message FROM part WHERE trace_id = ?)"


class SpanWriter:
    """Opens the store in `path`, which it makes if need be; sqlite3.Error where it cannot."""

    def __init__(self, path: Path, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(_SETTINGS + _SCHEMA)
        [(self._bytes,)] = self._connection.execute("SELECT coalesce(sum(length(body)), 0) FROM message")

    def add(self, message: bytes) -> int:
        """Keeps the spans of an OTLP message, and says how many of them it refuses.

        Raises ValueError when it is no such message, and sqlite3.Error when it cannot be written.
        """
        parts, refused = otlp.parts(message)
        if not parts:
            return refused
        run, size = self._connection.execute, self._bytes + len(message)
        with self._connection:  # commits, or rolls back
            run("BEGIN")
            number = run("INSERT INTO message (body) VALUES (?)", (message,)).lastrowid
            self._connection.executemany(
                "INSERT INTO part VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(number, trace_id, *_columns(part)) for trace_id, part in parts.items()],
            )
            while size > self._kept_bytes:
                oldest, length = run("SELECT id, length(body) FROM message ORDER BY id LIMIT 1").fetchone()
                run("DELETE FROM part WHERE message = ?", (oldest,))
                run("DELETE FROM message WHERE id = ?", (oldest,))
                size -= length
        self._bytes = size
        return refused

    def close(self) -> None:
        """Leaves one file, which reading leaves as it is, unless someone reads it now."""
        with suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()


class SpanReader:
    """What is in the store in `path`, as it was at the first look: it may be written meanwhile."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def spans(self, trace_id: str) -> list[Span]:
        """Those of the trace with that id, or with the only id that begins so; InputError when it is none's."""
        found = self._trace_id(trace_id)
        messages = self._connection.execute(_MESSAGES, (found,))
        return [span for (body,) in messages for span in otlp.spans(body, found)]

    def summaries(
        self,
        *,
        slowest: bool = False,
        limit: int = 20,
        role: str = "",
        variant: str = "",
        since_ns: int = 0,
        errors: bool = False,
    ) -> list[TraceSummary]:
        """The newest traces, or the slowest: those that entered `role` and `variant` first, began since, and failed."""
        query = _SUMMARIES.format(order="duration_ns" if slowest else "start_ns")
        wanted = {"role": role, "variant": variant, "since_ns": since_ns, "errors": errors, "limit": limit}
        found = []
        for trace_id, *entry in self._connection.execute(query, wanted):
            [counts] = self._connection.execute(_COUNTS, (trace_id,))
            found.append(TraceSummary(trace_id.hex(), *entry, *counts))
        return found

    def _trace_id(self, text: str) -> bytes:
        begin = text.strip().lower()
        if not re.fullmatch(f"[0-9a-f]{{1,{ID_DIGITS}}}", begin):
            problem = f"{text!r} is no trace id: {ID_DIGITS} hexadecimal digits, or as many of the first as it takes"
            raise InputError("the trace's id", [problem])
        bounds = (bytes.fromhex(begin.ljust(ID_DIGITS, "0")), bytes.fromhex(begin.ljust(ID_DIGITS, "f")))
        found = [trace_id for (trace_id,) in self._connection.execute(_IDS, (*bounds, NAMED_AT_MOST))]
        if not found:
            problem = f"no trace {text} in {self._path}; one that has just ended may not have been sent yet"
            raise InputError("the trace's id", [problem])
        if len(found) > 1:
            several = ", ".join(trace_id.hex() for trace_id in found)
            raise InputError("the trace's id", [f"several begin with {text}, among them {several}"])
        return bytes(found[0])


@contextmanager
def reading(path: Path) -> Iterator[SpanReader]:
    """Opens the store in `path`. InputError, also from within, when it is not there, or no store."""
    if not path.is_file():
        raise InputError("the store of spans", [f"there is no file {path}"])
    try:
        store = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        with closing(store) as connection:
            connection.execute("BEGIN")
            yield SpanReader(path, connection)
    except sqlite3.DatabaseError as error:
        raise InputError("the store of spans", [f"cannot read {path}: {error}"]) from error


def _columns(part: otlp.Part) -> tuple[object, ...]:
    entry = part.entry
    if entry is None:
        return part.spans, part.failed, None, None, None, None, None, None
    of_entry = (entry.role, entry.variant, entry.name, entry.is_root, entry.start_ns, entry.duration_ns)
    return part.spans, part.failed, *of_entry
