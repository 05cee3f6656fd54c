"""Which paths and methods a service has: 404, 405 with every method of the path, HEAD as GET without a body."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lab.contract import wire
from lab.contract.cases.case import Case, case
from lab.contract.client import Answer, NoAnswer, Request
from lab.contract.document import Contract
from lab.contract.probe import Abandoned, Probe
from lab.contract.tokens import Tokens
from lab.core.operations import Operation

_TRIED_METHODS = ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT")
_UNKNOWN_PATHS = ("/", "/nothing", "/ping/", "/ping/1", "/Ping", "/favicon.ico")
_MISSING_ID = 2**63 - 1


def cases(contract: Contract, role: str) -> Iterable[Case]:
    yield case("answers in a documented form", "ping", _pong)
    own = contract.of_role(role)
    templates = sorted({operation.path for operation in own})
    foreign = sorted({operation.path for operation in contract.operations.values()} - set(templates))
    strangers = [*_UNKNOWN_PATHS, *(_filled(path) for path in foreign)]
    strangers += [f"{_filled(path)}{rest}" for path in templates if path != "/ping" for rest in ("/", "/1/2")]
    yield case("paths of nothing are 404", "ping", _unknown_paths(strangers))
    for template in templates:
        ids = " ".join(operation.id for operation in own if operation.path == template)
        yield case("its path answers 405 to the methods it lacks", ids, _lacking_methods(template))
    for operation in own:
        if operation.method == "GET":
            yield case("HEAD answers as GET does, without a body", operation.id, _head(operation))


def _filled(template: str) -> str:
    return template.replace("{product_id}", "1").replace("{order_id}", "1")


def _pong(probe: Probe) -> None:
    probe.succeed(probe.setting.request("ping"))
    probe.succeed(probe.setting.request("ping", query="unknown=1&unknown=2"))


def _unknown_paths(paths: list[str]) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        for path in paths:
            for method in ("GET", "POST"):
                probe.refused(Request("", method, path, _json_headers(probe.setting.tokens), b"{}"), "not-found")

    return run


def _json_headers(tokens: Tokens) -> tuple[tuple[str, str], ...]:
    return (("Authorization", tokens.bearer("products:write")), ("Content-Type", "application/json"))


def _lacking_methods(template: str) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        methods = probe.setting.contract.methods(template)
        for method in (name for name in _TRIED_METHODS if name not in methods):
            answer = probe.refused(Request("", method, _filled(template)), "method-not-allowed")
            allowed = frozenset(name.strip() for name in answer.headers.get("allow", "").split(",") if name.strip())
            if answer.status == 405:
                probe.expect(allowed == methods, answer, f"Allow: {_listed(methods)}", f"Allow: {_listed(allowed)}")

    return run


def _listed(methods: frozenset[str]) -> str:
    return ", ".join(sorted(methods)) or "missing"


def _head(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        """Streams, which an answer to GET may be where the thing exists, have a case of their own."""
        ids = (_MISSING_ID,) if operation.streams else (1, _MISSING_ID)
        for path in ({}, *({"product_id": each, "order_id": each} for each in ids)):
            if "{" in operation.path and path:
                _head_as_get(probe, probe.setting.request(operation.id, path=path))
            elif "{" not in operation.path and not path:
                _head_as_get(probe, probe.setting.request(operation.id, query="limit=2"))

    return run


def _head_as_get(probe: Probe, get: Request) -> None:
    head = Request(get.operation, "HEAD", get.target, get.headers)
    with_body = probe.send(get)
    try:
        raw = probe.client.raw(head)
    except NoAnswer as error:
        probe.violation(head, "an answer", str(error))
        raise Abandoned from error
    start, _, rest = raw.partition(b"\r\n\r\n")
    answer = Answer(head, *wire.head(start), rest, 0.0)
    probe.expect(answer.status == with_body.status, answer, f"status {with_body.status}, as GET", answer.status)
    probe.expect(rest == b"", answer, "no body", f"{len(rest)} bytes")
    for name in ("content-type", "content-length"):
        found = answer.headers.get(name)
        wanted = with_body.headers.get(name)
        same = found == wanted or (name == "content-length" and found is None)
        probe.expect(same, answer, f"{name}: {wanted}, as GET", f"{name}: {found}")
