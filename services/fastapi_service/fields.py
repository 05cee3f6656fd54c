"""The contract's kinds of value, as types that Pydantic checks. Pydantic's own are wider: they take "1" and True.

What is checked by functions is published by `WithJsonSchema` or `json_schema_extra`, as the contract says it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, with_config
from pydantic_core import PydanticCustomError
from shop import cursor
from shop.documents import is_text
from typing_extensions import TypedDict

_DECIMAL = re.compile(r"(-?[0-9]{1,19})(?:\.0{1,19})?")


def _integer(value: object) -> int:
    """From JSON, where 44.0 is an integer and true is not."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise PydanticCustomError("integer", "Input should be an integer")


def _written_integer(value: object) -> int:
    """From a path or a query, where all is text; a default arrives as it is."""
    if isinstance(value, int):
        return value
    match = _DECIMAL.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError("integer", "Input should be an integer")
    return int(match[1])


def _text(value: str) -> str:
    if not is_text(value):
        raise PydanticCustomError("text", "Input should hold neither NUL nor lone surrogates")
    return value


# Where a range is given it comes before one of these: so Pydantic's core checks it, and it is published.
in_json = BeforeValidator(_integer)
in_text = BeforeValidator(_written_integer)

Text = Annotated[str, AfterValidator(_text)]
FilledText = Annotated[Text, Field(json_schema_extra={"pattern": "^[^\\u0000]+$"})]

_id_range = Field(ge=1, le=cursor.INT64_MAX)
Id = Annotated[int, _id_range, in_json]
WrittenId = Annotated[int, _id_range, in_text]
Limit = Annotated[int, Field(ge=1, le=100), in_text]
Cursor = Annotated[  # the last id seen
    int,
    BeforeValidator(cursor.decode),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$"}),
]
Name = Annotated[FilledText, Field(min_length=1, max_length=200)]
Category = Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,39}$")]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Moment = Annotated[datetime, WithJsonSchema({"type": "string", "format": "date-time", "pattern": "Z$"})]


class Input(BaseModel):
    """An object that a client sends: it has no members but the named ones."""

    model_config = ConfigDict(extra="forbid")


# An object that the service answers with, as a dictionary: what comes from the database need not be validated again.
output = with_config(ConfigDict(extra="forbid"))


class Money(Input):
    amount_minor: Annotated[int, Field(ge=0, le=1_000_000_000), in_json]
    currency: Currency


@output
class Price(TypedDict):
    amount_minor: Annotated[int, Field(ge=0, le=1_000_000_000)]
    currency: Currency


@output
class Total(TypedDict):
    amount_minor: Annotated[int, Field(ge=0)]
    currency: Currency
