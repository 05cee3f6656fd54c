"""What the contract promises of each operation, read from `services/contract/openapi.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from lab.core import operations
from lab.core.operations import Operation
from lab.core.roles import ANY_ROLE
from lab.tree import contract_document

PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_TYPE_PREFIX = "urn:framework-lab:problem:"

_BASE_URI = "urn:framework-lab:openapi"
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_timestamp(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return _TIMESTAMP.fullmatch(value) is not None and bool(datetime.fromisoformat(value))


@_FORMATS.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


class Contract:
    """The operations of the shop, and whether an answer has the form that the contract gives it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        resource = DRAFT202012.create_resource(document)
        self._registry: Registry[Any] = Registry().with_resource(_BASE_URI, resource)
        self._validators: dict[str, Draft202012Validator] = {}
        self.operations = operations.read(document)

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(sorted({operation.role for operation in self.operations.values()} - {ANY_ROLE}))

    def of_role(self, role: str) -> tuple[Operation, ...]:
        return tuple(operation for operation in self.operations.values() if operation.role in (role, ANY_ROLE))

    def methods(self, path: str) -> frozenset[str]:
        """Every method of a path template, with the HEAD that GET implies."""
        methods = {operation.method for operation in self.operations.values() if operation.path == path}
        return frozenset(methods | {"HEAD"} if "GET" in methods else methods)

    def breaches(self, operation: Operation, status: int, headers: Mapping[str, str], document: Any) -> list[str]:
        """Where an answer's headers (lower-case names) and JSON leave the form documented for this status."""
        response = operation.responses.get(str(status))
        if response is None:
            return [f"status {status} is not documented for {operation.id}"]
        found = []
        for name, header in response.get("headers", {}).items():
            header = operations.resolve(header, self.document)
            value = headers.get(name.lower())
            if value is None:
                if header.get("required"):
                    found.append(f"header {name} is missing")
            else:
                found += self._violations(f"header {name}", header["schema"], value)
        for media_type, content in response.get("content", {}).items():
            answered = headers.get("content-type", "").partition(";")[0].strip().lower()
            if answered != media_type:
                found.append(f"Content-Type {answered or 'missing'} instead of {media_type}")
            if media_type.endswith("json"):
                found += self._violations("body", content["schema"], document)
        return found

    def event_breaches(self, document: Any) -> list[str]:
        """Of the data of one server-sent event."""
        return self._violations("data", {"$ref": "#/components/schemas/OrderEvent"}, document)

    def problem_breaches(self, document: Any) -> list[str]:
        return self._violations("body", {"$ref": "#/components/schemas/Problem"}, document)

    def _violations(self, where: str, schema: Mapping[str, Any], value: Any) -> list[str]:
        error = best_match(self._validator(schema).iter_errors(value))
        if error is None:
            return []
        place = "".join(f"/{part}" for part in error.absolute_path)
        return [f"{where}{place}: {error.message[:300]}"]

    def _validator(self, schema: Mapping[str, Any]) -> Draft202012Validator:
        key = repr(schema)
        if key not in self._validators:
            absolute = {"$ref": _BASE_URI + schema["$ref"]} if "$ref" in schema else schema
            self._validators[key] = Draft202012Validator(absolute, registry=self._registry, format_checker=_FORMATS)
        return self._validators[key]


@cache
def load() -> Contract:
    """The contract of this tree; read once."""
    return Contract(contract_document())
