"""Whether JSON is what Grafana's types say of a dashboard, as its foundation SDK has them.

Read by the SDK and written again, it must be the same: what the types don't know is lost on the way. And each value
must be of the type that its member has, which the SDK itself does not look at.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.render import OF_ANNOTATION

_MODELS = "grafana_foundation_sdk.models"


def problems(document: dict[str, Any]) -> list[str]:
    """Paths of members that the types don't know, and of values that are of another type."""
    register_default_plugins()
    annotations = [
        {member: value for member, value in annotation.items() if member not in OF_ANNOTATION}
        for annotation in document.get("annotations", {}).get("list", ())
    ]
    known = {**document, "annotations": {"list": annotations}}
    try:
        read = Dashboard.from_json(known)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [f"not a dashboard: {type(error).__name__}: {error}"]
    written = json.loads(json.dumps(read, cls=JSONEncoder))
    return [*_differences(known, written, ""), *_wrong(read, "")]


def _differences(given: Any, written: Any, path: str) -> Iterator[str]:
    """What the second lacks of the first; what the SDK adds are its defaults."""
    if isinstance(given, dict) and isinstance(written, dict):
        for member, value in given.items():
            if member not in written:
                yield f"{path}.{member}: unknown"
            else:
                yield from _differences(value, written[member], f"{path}.{member}")
    elif isinstance(given, list) and isinstance(written, list) and len(given) == len(written):
        for number, (one, other) in enumerate(zip(given, written, strict=True)):
            yield from _differences(one, other, f"{path}[{number}]")
    elif given != written:
        yield f"{path}: {given!r} is read as {written!r}"


def _wrong(value: Any, path: str) -> Iterator[str]:
    """Members of models whose values are of another type than they say."""
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _wrong(each, f"{path}[{number}]")
    elif isinstance(value, dict):
        for member, each in value.items():
            yield from _wrong(each, f"{path}.{member}")
    elif type(value).__module__.startswith(_MODELS) and not isinstance(value, Enum):
        hints = typing.get_type_hints(type(value))
        for member, each in vars(value).items():
            if member in hints and not _fits(each, hints[member]):
                yield f"{path}.{member}: {each!r} is no {hints[member]}"
            yield from _wrong(each, f"{path}.{member}")


def _fits(value: Any, hint: Any) -> bool:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in (Any, object):
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, each) for each in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(_fits(each, arguments[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(each, arguments[1]) for each in value.values())
    if isinstance(hint, type) and issubclass(hint, Enum):
        return value in [each.value for each in hint]
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)
