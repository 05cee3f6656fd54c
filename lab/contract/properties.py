"""Whether a service answers made-up requests as the contract says; enough of them, and enough that succeed.

Fitting requests are given ids, cursors and keys that exist, or else hardly one of them would pass the shop's rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi import checks

from lab.contract.client import Client, Request
from lab.contract.feeding import Feed
from lab.contract.made_up import MadeUp
from lab.contract.probe import Abandoned, Probe, Setting, Violation
from lab.core.operations import Operation

EXAMPLES_MIN = 50
SUCCESS_SHARE_MIN = 0.2
_TIMEOUT_S = 15.0
_HEADERS_OF_THE_LIBRARY = {"accept-encoding", "connection", "content-length", "user-agent", "x-schemathesis-testcaseid"}
_CHECKS: list[Any] = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.positive_data_acceptance,
    checks.missing_required_header,
    checks.unsupported_method,
    checks.allow_header_conformance,
]


@dataclass(slots=True)
class Outcome:
    """What became of one operation's examples."""

    examples: int = 0
    successes: int = 0
    violations: list[Violation] = field(default_factory=list)


def check(setting: Setting, operations: Iterable[Operation], made_up: MadeUp) -> Iterator[tuple[Operation, Outcome]]:
    """One operation after the other."""
    for operation in operations:
        run = _Run(setting, operation)
        try:
            run.all(made_up.cases(operation))
        finally:
            run.close()
        yield operation, run.outcome


class _Run:
    """The examples of one operation against the service."""

    def __init__(self, setting: Setting, operation: Operation) -> None:
        self.setting = setting
        self.operation = operation
        self.outcome = Outcome()
        self._name = f"{operation.id}: made-up requests"
        self._probe = Probe(setting, self._name, Client(setting.url))
        self._feed = Feed(self._probe)
        self._session = requests.Session()
        self._session.trust_env = False
        self._headers = {"Authorization": setting.tokens.bearer(operation.scope)} if operation.scope else {}
        self._kinds: set[tuple[str, str]] = set()

    def close(self) -> None:
        self._session.close()
        self._probe.client.close()

    def all(self, cases: Iterable[Any]) -> None:
        try:
            for case in cases:
                self._example(case)
        except Abandoned:
            self.outcome.violations += self._probe.violations
            return
        examples, successes = self.outcome.examples, self.outcome.successes
        assert examples >= EXAMPLES_MIN
        if successes < SUCCESS_SHARE_MIN * examples and not self.outcome.violations:
            expected = f"at least {SUCCESS_SHARE_MIN:.0%} of {examples} made-up requests to succeed"
            repeat = f"lab contract {self.setting.url} --operation {self.operation.id} …, with the seed reported"
            self.outcome.violations.append(Violation(self._name, repeat, expected, f"{successes} of them"))

    def _example(self, case: Any) -> None:
        positive = case.meta.generation.mode.is_positive
        if positive and case.method == self.operation.method:
            self._feed.fit(self.operation.id, case)
        elif not self._feed.make_harmless(self.operation.id, case):
            return
        try:
            response = case.call(
                base_url=self.setting.url,
                session=self._session,
                headers=self._headers,
                timeout=_TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            sent = error.request
            request = self._as_sent(sent) if isinstance(sent, requests.PreparedRequest) else None
            self._violation(request or self.setting.request(self.operation.id), "an answer", str(error))
            raise Abandoned from error
        self.outcome.examples += 1
        self.outcome.successes += 200 <= response.status_code < 300
        try:
            case.validate_response(response, checks=_CHECKS, headers=self._headers)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                self._failed(failure, response)

    def _failed(self, failure: Failure, response: Any) -> None:
        """One violation of each kind and status is enough."""
        kind = (type(failure).__name__, str(response.status_code))
        if kind not in self._kinds:
            self._kinds.add(kind)
            found = f"{response.status_code} {response.text[:400]}".rstrip()
            expected = " ".join(f"{failure.title}: {failure.message}".split())[:500]
            self._violation(self._as_sent(response.request), expected, found)

    def _violation(self, request: Request, expected: str, found: str) -> None:
        self.outcome.violations.append(Violation(self._name, request.curl(self.setting.url), expected, found))

    def _as_sent(self, request: requests.PreparedRequest) -> Request:
        kept = tuple(
            (name, value if isinstance(value, str) else value.decode("latin-1"))
            for name, value in request.headers.items()
            if name.lower() not in _HEADERS_OF_THE_LIBRARY
        )
        body = request.body.encode() if isinstance(request.body, str) else request.body
        assert body is None or isinstance(body, bytes), "no streams are made up"
        target = request.path_url.removeprefix(urlsplit(self.setting.url).path.rstrip("/"))
        return Request("", request.method or "", target, kept, body)
