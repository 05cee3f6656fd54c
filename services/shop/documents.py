"""Request bodies as JSON, read as strictly as RFC 8259 and the contract ask."""

from __future__ import annotations

import json
from typing import Any, NoReturn

BODY_MAX_BYTES = 65_536


class MalformedJSON(ValueError):
    """The body is not JSON; the message says where."""


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedJSON(f"{name} is not JSON")


def parse(body: bytes) -> Any:
    """The JSON value of `body` (UTF-8). Raises MalformedJSON, also for NaN, Infinity and absurd nesting."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise MalformedJSON(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise MalformedJSON(f"{error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise MalformedJSON("nested too deeply") from None
    except MalformedJSON:
        raise
    except ValueError:
        raise MalformedJSON("a number has too many digits") from None


def pointer(*path: str | int) -> str:
    """The JSON pointer (RFC 6901) of a place in a body; empty for the whole. Lone surrogates become question marks."""
    escaped = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return escaped.encode(errors="replace").decode()


def is_text(value: str) -> bool:
    """Whether PostgreSQL and JSON can carry this text: no NUL, no lone surrogates."""
    return "\x00" not in value and (value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value))
