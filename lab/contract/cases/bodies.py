"""How request bodies are taken: length, size, media type, JSON syntax, and in which order all steps are judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from lab.contract.cases.case import Case, case
from lab.contract.client import Request
from lab.contract.document import Contract
from lab.contract.probe import Probe
from lab.core.operations import Operation

BODY_MAX_BYTES = 65_536
_MISSING_ID = 2**63 - 1
_WRONG_IDS = {"product_id": 0, "order_id": 0}

MEDIA_TYPES_TAKEN = ("application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON")
MEDIA_TYPES_REFUSED = (
    None,
    "text/plain",
    "text/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "application/problem+json",
    "application/xml; charset=application/json",
)
NOT_JSON = {
    "nothing": b"",
    "blanks only": b" \n",
    "a body cut short": b'{"quantity": 1',
    "more after the value": b'{"quantity": 1} {"quantity": 1}',
    "a trailing comma": b'{"quantity": 1,}',
    "single quotes": b"{'quantity': 1}",
    "a bare word": b"quantity",
    "a comment": b'{"quantity": 1} // one',
    "a leading zero": b'{"quantity": 01}',
    "a raw line break in text": b'{"to": "a\nb"}',
    "NaN": b'{"quantity": NaN}',
    "Infinity": b'{"quantity": Infinity}',
    "-Infinity": b'{"quantity": -Infinity}',
    "a byte that is not UTF-8": b'{"to": "\xff"}',
    "UTF-16": '{"quantity": 1}'.encode("utf-16"),
    "a surrogate encoded as UTF-8": b'{"to": "\xed\xa0\x80"}',
    "an escape that is none": b'{"to": "\\x41"}',
}


def cases(contract: Contract, role: str) -> Iterable[Case]:
    for operation in contract.of_role(role):
        if operation.body:
            yield case("a body without Content-Length is 411", operation.id, _no_length(operation))
            yield case("a body above 65,536 bytes is 413", operation.id, _too_large(operation))
            yield case("a body of 65,536 bytes is taken", operation.id, _largest(operation))
            yield case("a body that is not application/json is 415", operation.id, _media_types(operation))
            yield case("a body that is not JSON is 400", operation.id, _not_json(operation))
            yield case("absurd nesting is refused", operation.id, _nested(operation))
            yield case("steps are judged in the documented order", operation.id, _order(operation))


def _request(probe: Probe, operation: Operation, content: bytes | None) -> Request:
    headers = {"Idempotency-Key": probe.ids.key()} if operation.id == "placeOrder" else {}
    path = {"product_id": _MISSING_ID, "order_id": _MISSING_ID}
    return probe.setting.request(operation.id, path=path, headers=headers, content=content)


def _no_length(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        request = _request(probe, operation, b"{}")
        with probe.about("chunked"):
            probe.refused(request.with_body(b"{}", chunked=True), "length-required")
        with probe.about("neither length nor body"):
            probe.refused(request.with_body(None), "length-required")

    return run


def _too_large(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        probe.refused(_request(probe, operation, _padded(BODY_MAX_BYTES + 1)), "content-too-large")

    return run


def _largest(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        """Taken means: judged by the next steps."""
        probe.refused(_request(probe, operation, _padded(BODY_MAX_BYTES)), "invalid")

    return run


def _padded(size: int) -> bytes:
    return b"{}".ljust(size)


def _media_types(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        request = _request(probe, operation, b"{}")
        for media_type in MEDIA_TYPES_REFUSED:
            with probe.about(media_type or "no Content-Type"):
                probe.refused(request.with_header("Content-Type", media_type), "unsupported-media-type")
        for media_type in MEDIA_TYPES_TAKEN:
            with probe.about(media_type):
                probe.refused(request.with_header("Content-Type", media_type), "invalid")

    return run


def _not_json(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        for what, content in NOT_JSON.items():
            with probe.about(what):
                probe.refused(_request(probe, operation, content), "malformed-json")

    return run


def _nested(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        """JSON by the letter, so a service may read it and find it invalid, or refuse to."""
        for content in (b"[" * 30_000 + b"]" * 30_000, b'{"a":' * 9_000 + b"1" + b"}" * 9_000):
            answer = probe.send(_request(probe, operation, content))
            kind = "malformed-json" if answer.status == 400 else "invalid"
            probe.is_problem(answer, kind)

    return run


def _order(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        """Each request fails the named step and every step after it."""
        worst = _request(probe, operation, b"x" * (BODY_MAX_BYTES + 1)).with_header("Content-Type", "text/plain")
        lacking = probe.setting.tokens.bearer("reports:read")
        not_json = probe.setting.request(operation.id, path=_WRONG_IDS, headers={"Idempotency-Key": "?"}, content=b"x")
        chunked = worst.with_body(b"x", chunked=True)
        of_token = {
            "no token": (chunked.with_header("Authorization", None), "unauthorized"),
            "no scope": (chunked.with_header("Authorization", lacking), "forbidden"),
        }
        steps = {
            **(of_token if operation.scope else {}),
            "no length": (chunked, "length-required"),
            "too large": (worst, "content-too-large"),
            "media type": (worst.with_body(b"x"), "unsupported-media-type"),
            "not JSON": (not_json, "malformed-json"),
        }
        for step, (request, kind) in steps.items():
            with probe.about(step):
                probe.refused(request, kind)
        if "{" in operation.path and operation.id != "setStock":
            with probe.about("schema before existence"):
                probe.refused(_request(probe, operation, json.dumps({"extra": 1}).encode()), "invalid")

    return run
