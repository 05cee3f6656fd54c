"""Which tokens let a request write, and that they are judged before anything that is sent with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lab.contract.cases.case import Case, case
from lab.contract.client import Request
from lab.contract.document import Contract
from lab.contract.probe import Probe
from lab.core.operations import Operation

_MISSING_ID = 2**63 - 1


def cases(contract: Contract, role: str) -> Iterable[Case]:
    for operation in contract.of_role(role):
        if operation.scope:
            yield case("a token that does not hold is 401", operation.id, _refused(operation))
            yield case("a token without the scope is 403", operation.id, _lacking(operation))
            yield case("a token that holds in an unusual way is accepted", operation.id, _accepted(operation))


def past_the_token(probe: Probe, operation: Operation) -> tuple[Request, str]:
    """A request whose only fault is judged right after the token, and the kind of problem that answers it."""
    if operation.body:
        request = probe.setting.request(operation.id, path={"product_id": 1, "order_id": 1}, content=b"{}")
        return request.with_header("Content-Type", "text/plain"), "unsupported-media-type"
    return probe.setting.request(operation.id, path={"product_id": _MISSING_ID, "order_id": _MISSING_ID}), "not-found"


def _refused(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        request, _ = past_the_token(probe, operation)
        for wrong, header in probe.setting.tokens.refused(operation.scope).items():
            with probe.about(wrong):
                probe.refused(request.with_header("Authorization", header), "unauthorized")

    return run


def _lacking(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        request, _ = past_the_token(probe, operation)
        for wrong, header in probe.setting.tokens.lacking(operation.scope).items():
            with probe.about(wrong):
                probe.refused(request.with_header("Authorization", header), "forbidden")

    return run


def _accepted(operation: Operation) -> Callable[[Probe], None]:
    def run(probe: Probe) -> None:
        request, next_refusal = past_the_token(probe, operation)
        for special, header in probe.setting.tokens.accepted(operation.scope).items():
            with probe.about(special):
                probe.refused(request.with_header("Authorization", header), next_refusal)

    return run
