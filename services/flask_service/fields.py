"""What the contract says of every text, integer, object and parameter, as marshmallow has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate
from shop import cursor
from shop.documents import is_text

UNKNOWN_MEMBER = "Not a member of this object"
ID = validate.Range(min=1, max=cursor.INT64_MAX)

_WRITTEN = re.compile(r"(-?[0-9]{1,19})(?:\.0{1,19})?")


class Object(Schema):
    """A JSON object with no members but the declared ones."""

    error_messages = {
        "unknown": UNKNOWN_MEMBER,
        "type": "Not an object",
    }


class Pattern(validate.Validator):
    """The whole text matches."""

    def __init__(self, regex: str | re.Pattern[str]) -> None:
        self.regex = re.compile(regex)

    def __call__(self, value: str) -> str:
        if not self.regex.fullmatch(value):
            raise ValidationError(f"Does not match {self.regex.pattern}")
        return value


class Integer(fields.Integer):
    """A JSON number without a fraction but zero, never a string or a boolean."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid")
        return value


class TextInteger(fields.Integer):
    """An integer as a path or a query writes it."""

    def _validated(self, value: str) -> int:
        match = _WRITTEN.fullmatch(value)
        if match is None:
            raise self.make_error("invalid")
        return int(match[1])


class Text(fields.String):
    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not is_text(text):
            raise ValidationError("Holds NUL or a lone surrogate")
        return text


class Cursor(fields.Field[int]):
    """The last id of the page before."""

    def _deserialize(self, value: str, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        try:
            return cursor.decode(value)
        except ValueError:
            raise ValidationError("No page of this service gave this cursor") from None


class Once(fields.Field[Any]):
    """A query parameter, all values of which are given; `inner` reads the only one."""

    def __init__(self, inner: fields.Field[Any], *, load_default: Any = None) -> None:
        super().__init__(load_default=load_default)
        self.inner = inner

    def _deserialize(self, value: list[str], attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if len(value) > 1:
            raise ValidationError("Given more than once")
        return self.inner.deserialize(value[0], attr, data, **kwargs)


class Parameters(Schema):
    """Parameters of one request; unknown ones are ignored."""

    class Meta:
        unknown = "exclude"


class PageParameters(Parameters):
    limit = Once(TextInteger(validate=validate.Range(min=1, max=100)), load_default=20)
    cursor = Once(Cursor())


class Money(Object):
    amount_minor = Integer(required=True, validate=validate.Range(min=0, max=1_000_000_000))
    currency = Text(required=True, validate=Pattern("[A-Z]{3}"))
