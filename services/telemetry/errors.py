"""What is told of an error: what it is, where it arose, and the first line of what it says.

The other lines quote values: PostgreSQL's DETAIL has the row that was refused, SQLAlchemy's message the statement.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator


def kind(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def message(error: BaseException) -> str:
    """The first line of what it says; its type if it says nothing."""
    return first_line(str(error)) or type(error).__name__


def stacktrace(error: BaseException) -> str:
    """As Python prints it, causes first, but for the other lines of messages."""
    return "".join(_parts(error, seen=set()))


def first_line(text: str) -> str:
    return text.partition("\n")[0]


def _parts(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _parts(before, seen)
        yield "\nwhich led to:\n\n"
    if error.__traceback__:
        yield "Traceback (most recent call last):\n"
        yield from traceback.format_tb(error.__traceback__)
    yield f"{kind(error)}: {message(error)}\n"
    for inner in getattr(error, "exceptions", ()):
        yield "\nof a group:\n\n"
        yield from _parts(inner, seen)
