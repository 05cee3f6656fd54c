"""Fields that say what JSON may hold, after the pattern of django.forms: to_python, then validators.

Django's own form fields read text from HTML forms: they would take "44" and true for integers and ignore unknown
members. These are strict, nest, and report each violation with its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinLengthValidator, MinValueValidator
from shop.cursor import INT64_MAX
from shop.documents import is_text

Path = tuple[str | int, ...]
Report = Callable[[Path, str], None]

AMOUNT_MAX = 1_000_000_000
CURRENCY = "[A-Z]{3}"

_DIGITS = re.compile(r"(-?[0-9]{1,19})(?:\.0{1,19})?")


class Field:
    """A value. `clean` answers it in Python's terms and gives every violation to `report`."""

    validators: Sequence[Callable[[Any], None]] = ()

    def to_python(self, value: Any) -> Any:
        """Raises ValidationError unless `value` has the field's type."""
        return value

    def clean(self, value: Any, report: Report, path: Path = ()) -> Any:
        try:
            value = self.to_python(value)
        except ValidationError as error:
            report(path, error.messages[0])
            return None
        for validator in self.validators:
            try:
                validator(value)
            except ValidationError as error:
                report(path, error.messages[0])
        return value


class IntegerField(Field):
    def __init__(self, minimum: int, maximum: int) -> None:
        self.validators = (MinValueValidator(minimum), MaxValueValidator(maximum))

    def to_python(self, value: Any) -> int:
        if type(value) is int:
            return value
        if type(value) is float and value.is_integer():
            return int(value)
        raise ValidationError("Send an integer.")


class IntegerTextField(IntegerField):
    """An integer in a path or query."""

    def to_python(self, value: str) -> int:
        match = _DIGITS.fullmatch(value)
        if not match:
            raise ValidationError("Send an integer.")
        return int(match[1])


class TextField(Field):
    def __init__(self, *, min_length: int = 0, max_length: int | None = None, pattern: str = "") -> None:
        lengths: list[Callable[[Any], None]] = [MinLengthValidator(min_length)] if min_length else []
        if max_length is not None:
            lengths.append(MaxLengthValidator(max_length))
        self.validators = lengths
        self.pattern = re.compile(pattern) if pattern else None

    def to_python(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Send text.")
        if not is_text(value):
            raise ValidationError("Send text without NUL and lone surrogates.")
        if self.pattern and not self.pattern.fullmatch(value):
            raise ValidationError(f"Send text that matches {self.pattern.pattern}")
        return value


class ChoiceField(Field):
    """One of the values of an enumeration."""

    def __init__(self, choices: type[StrEnum]) -> None:
        self.choices = choices

    def to_python(self, value: Any) -> StrEnum:
        try:
            return self.choices(value)
        except ValueError:
            raise ValidationError(f"Send one of {', '.join(self.choices)}.") from None


class ListField(Field):
    """Items of one kind, no two of which have the same `unique` member where one is named."""

    def __init__(self, item: Field, *, min_length: int, max_length: int, unique: str = "") -> None:
        self.item = item
        self.unique = unique
        self.max_length = max_length
        self.validators = (MinLengthValidator(min_length), MaxLengthValidator(max_length))

    def to_python(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError("Send an array.")
        return value

    def clean(self, value: Any, report: Report, path: Path = ()) -> Any:
        items = super().clean(value, report, path)
        if items is None or len(items) > self.max_length:
            return None
        cleaned = [self.item.clean(item, report, (*path, index)) for index, item in enumerate(items)]
        if self.unique:
            self._find_twins(cleaned, report, path)
        return cleaned

    def _find_twins(self, items: list[Any], report: Report, path: Path) -> None:
        seen: set[Hashable] = set()
        for index, item in enumerate(items):
            key = item.get(self.unique) if item else None
            if key is not None and key in seen:
                report((*path, index, self.unique), "Send each only once.")
            seen.add(key)


class IntegerListField(ListField):
    """Many integers. A list with nothing to convert or to report, as nearly all are, is not looked at one by one."""

    def __init__(self, minimum: int, maximum: int, *, min_length: int, max_length: int) -> None:
        super().__init__(IntegerField(minimum, maximum), min_length=min_length, max_length=max_length)
        self.minimum, self.maximum, self.min_length = minimum, maximum, min_length

    def clean(self, value: Any, report: Report, path: Path = ()) -> Any:
        if (
            isinstance(value, list)
            and self.min_length <= len(value) <= self.max_length
            and {*map(type, value)} == {int}
            and self.minimum <= min(value)
            and max(value) <= self.maximum
        ):
            return value
        return super().clean(value, report, path)


class ObjectField(Field):
    """An object with no members but `fields`; those with a value in `defaults` may be missing."""

    def __init__(self, fields: Mapping[str, Field], defaults: Mapping[str, Any] | None = None) -> None:
        self.fields = fields
        self.defaults = defaults or {}

    def to_python(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("Send an object.")
        return value

    def clean(self, value: Any, report: Report, path: Path = ()) -> Any:
        members = super().clean(value, report, path)
        if members is None:
            return None
        cleaned = {}
        for name, field in self.fields.items():
            if name in members:
                cleaned[name] = field.clean(members[name], report, (*path, name))
            elif name in self.defaults:
                cleaned[name] = self.defaults[name]
            else:
                report((*path, name), "This member is missing.")
        for name in members:
            if name not in self.fields:
                report((*path, name), "Send no member of this name.")
        return cleaned


ID = IntegerField(1, INT64_MAX)
ID_TEXT = IntegerTextField(1, INT64_MAX)
PRODUCT_NAME = TextField(min_length=1, max_length=200)
MONEY = ObjectField({"amount_minor": IntegerField(0, AMOUNT_MAX), "currency": TextField(pattern=CURRENCY)})
