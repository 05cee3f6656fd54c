"""What the contract promises of each operation, read from `services/contract/openapi.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

CONTRACT_FOLDER = Path(__file__).parents[2] / "services" / "contract"
ANY_ROLE = "any"
PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_TYPE_PREFIX = "urn:framework-lab:problem:"

_BASE_URI = "urn:framework-lab:openapi"
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_timestamp(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return _TIMESTAMP.fullmatch(value) is not None and bool(datetime.fromisoformat(value))


@_FORMATS.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


@dataclass(frozen=True, slots=True)
class Operation:
    """`scope` is empty where no token is asked for; `path` is the template; `body` says whether a body is required."""

    id: str
    method: str
    path: str
    role: str
    scope: str
    body: bool
    responses: Mapping[str, Any]


class Contract:
    """The operations of the shop, and whether an answer has the form that the contract gives it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        resource = DRAFT202012.create_resource(document)
        self._registry: Registry[Any] = Registry().with_resource(_BASE_URI, resource)
        self._validators: dict[str, Draft202012Validator] = {}
        self.operations = {
            operation.id: operation
            for path, item in document["paths"].items()
            for operation in (self._operation(path, method, item[method]) for method in _METHODS if method in item)
        }

    def _operation(self, path: str, method: str, raw: Mapping[str, Any]) -> Operation:
        scopes = [scope for requirement in raw.get("security", ()) for scope in requirement["token"]]
        return Operation(
            id=raw["operationId"],
            method=method.upper(),
            path=path,
            role=raw["x-role"],
            scope=scopes[0] if scopes else "",
            body="requestBody" in raw,
            responses={status: self._resolved(response) for status, response in raw["responses"].items()},
        )

    def _resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in node:
            return node
        found: Any = self.document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return self._resolved(found)

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
            header = self._resolved(header)
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
            found += self._violations("body", content["schema"], document)
        return found

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
def load(path: Path = CONTRACT_FOLDER / "openapi.yaml") -> Contract:
    """The contract of this tree; read once."""
    return Contract(yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))  # noqa: S506
