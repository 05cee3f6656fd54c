"""Everything a service can refuse, as RFC 9457 problem documents. The contract names the kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1

# kind -> (status, title)
_KINDS: Mapping[str, tuple[int, str]] = {
    "malformed-json": (400, "Malformed JSON"),
    "unauthorized": (401, "Unauthorized"),
    "forbidden": (403, "Forbidden"),
    "not-found": (404, "Not found"),
    "method-not-allowed": (405, "Method not allowed"),
    "sku-taken": (409, "SKU taken"),
    "product-unknown": (409, "Product unknown"),
    "out-of-stock": (409, "Out of stock"),
    "currencies-differ": (409, "Currencies differ"),
    "idempotency-key-reused": (409, "Idempotency key reused"),
    "transition-refused": (409, "Transition refused"),
    "length-required": (411, "Length required"),
    "content-too-large": (413, "Content too large"),
    "unsupported-media-type": (415, "Unsupported media type"),
    "invalid": (422, "Invalid request"),
    "internal-error": (500, "Internal error"),
    "dependency-unavailable": (503, "Dependency unavailable"),
    "too-many-streams": (503, "Too many streams"),
    "upstream-timeout": (504, "Upstream timeout"),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One violation; `field` is a parameter's name or a JSON pointer into the body."""

    where: Literal["body", "query", "path", "header"]
    field: str
    detail: str


@dataclass(slots=True)
class Problem(Exception):
    """Raised anywhere below a view; each variant's error handler answers it."""

    kind: str
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return _KINDS[self.kind][0]

    def document(self) -> dict[str, Any]:
        status, title = _KINDS[self.kind]
        document: dict[str, Any] = {
            "type": f"urn:framework-lab:problem:{self.kind}",
            "title": title,
            "status": status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = [{"in": e.where, "field": e.field, "detail": e.detail} for e in self.errors]
        return document


def invalid(errors: Sequence[FieldError]) -> Problem:
    fields = "1 field violates" if len(errors) == 1 else f"{len(errors)} fields violate"
    return Problem("invalid", f"{fields} the schema", errors)


def unauthorized(detail: str) -> Problem:
    return Problem("unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="shop"'})


def unavailable(detail: str) -> Problem:
    return Problem("dependency-unavailable", detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def too_many_streams(most: int) -> Problem:
    """`most` are as many as the replica holds."""
    return Problem("too-many-streams", f"All {most} streams are taken", headers={"Retry-After": str(RETRY_AFTER_S)})


def method_not_allowed(allowed: Sequence[str]) -> Problem:
    """`allowed` are all methods of the path."""
    return Problem("method-not-allowed", f"Use {' or '.join(allowed)}", headers={"Allow": ", ".join(allowed)})
