"""Reads requests in the contract's order: token, Content-Length, media type, JSON syntax, schema."""

from __future__ import annotations

from typing import Any, Literal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from shop import cursor
from shop.documents import BODY_MAX_BYTES, MalformedJSON, parse, pointer
from shop.problems import FieldError, Problem, invalid
from shop.tokens import require_scope

from django_service.api.fields import ID_TEXT, Field, IntegerTextField, Path, TextField

Where = Literal["body", "query", "path", "header"]

LIMIT = IntegerTextField(1, 100)
DEFAULT_LIMIT = 20
REQUIRED = object()


class CursorField(TextField):
    """The last id that the page before gave."""

    def to_python(self, value: Any) -> Any:
        try:
            return cursor.decode(super().to_python(value))
        except ValueError:
            raise ValidationError("Send a cursor that a page gave.") from None


CURSOR = CursorField()


def authorize(request: HttpRequest, scope: str) -> None:
    """Raises Problem (401 or 403) unless the request's token has `scope`."""
    require_scope(request.META.get("HTTP_AUTHORIZATION"), scope, settings.SHOP_TOKEN_KEY)


def json_body(request: HttpRequest) -> Any:
    """The JSON value that was sent. Raises Problem (411, 413, 415 or 400)."""
    length = request.META.get("CONTENT_LENGTH")
    if not length or "HTTP_TRANSFER_ENCODING" in request.META:
        raise Problem("length-required", "Send Content-Length; a chunked body is not taken")
    if int(length) > BODY_MAX_BYTES:
        raise Problem("content-too-large", f"A body has at most {BODY_MAX_BYTES} bytes")
    if request.content_type != "application/json":
        raise Problem("unsupported-media-type", "Send application/json")
    try:
        return parse(request.body)
    except MalformedJSON as error:
        raise Problem("malformed-json", f"The body is not JSON: {error}") from None


class Inputs:
    """Cleans what a request holds, and collects every violation of path, query, header and body."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.errors: list[FieldError] = []

    def path(self, name: str, field: Field, text: str) -> Any:
        return self._clean("path", name, field, text)

    def query(self, name: str, field: Field, default: Any = None) -> Any:
        values = self.request.GET.getlist(name)
        if not values:
            return default
        if len(values) > 1:
            self.errors.append(FieldError("query", name, "Send this parameter at most once."))
            return default
        return self._clean("query", name, field, values[0])

    def header(self, name: str, field: Field, default: Any = REQUIRED) -> Any:
        text = self.request.headers.get(name)
        if text is not None:
            return self._clean("header", name, field, text)
        if default is REQUIRED:
            self.errors.append(FieldError("header", name, "This header is missing."))
            return None
        return default

    def body(self, field: Field, document: Any) -> Any:
        def report(path: Path, detail: str) -> None:
            self.errors.append(FieldError("body", pointer(*path), detail))

        return field.clean(document, report)

    def check(self) -> None:
        """Raises Problem (422) that names every violation so far."""
        if self.errors:
            raise invalid(self.errors)

    def _clean(self, where: Where, name: str, field: Field, text: str) -> Any:
        def report(_: Path, detail: str) -> None:
            self.errors.append(FieldError(where, name, detail))

        return field.clean(text, report)


def path_id(request: HttpRequest, name: str, text: str) -> int:
    """The id in the path, where it is all that the request holds. Raises Problem (422)."""
    inputs = Inputs(request)
    value: int = inputs.path(name, ID_TEXT, text)
    inputs.check()
    return value
