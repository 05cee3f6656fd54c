"""The contract's kinds of value, as types that Pydantic checks. Pydantic's own are wider: they take "1" and True."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError
from shop import cursor
from shop.documents import is_text

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


Integer = Annotated[int, BeforeValidator(_integer)]
WrittenInteger = Annotated[int, BeforeValidator(_written_integer)]
Text = Annotated[str, AfterValidator(_text)]

_id_range = Field(ge=1, le=cursor.INT64_MAX)
Id = Annotated[Integer, _id_range]
WrittenId = Annotated[WrittenInteger, _id_range]
Limit = Annotated[WrittenInteger, Field(ge=1, le=100)]
Cursor = Annotated[int, BeforeValidator(cursor.decode)]  # the last id seen
Name = Annotated[Text, Field(min_length=1, max_length=200)]
Category = Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,39}$")]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class Input(BaseModel):
    """An object that a client sends: it has no members but the named ones."""

    model_config = ConfigDict(extra="forbid")


class Output(BaseModel):
    """An object that the service answers with."""

    def json_bytes(self) -> bytes:
        return self.model_dump_json().encode()


class Money(Input):
    amount_minor: Annotated[Integer, Field(ge=0, le=1_000_000_000)]
    currency: Currency


class Amount(Output):
    amount_minor: int
    currency: str
