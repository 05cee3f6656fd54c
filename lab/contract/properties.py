"""Requests that schemathesis makes up from `openapi.yaml`: fitting ones, violating ones, and the edges between them.

Fitting requests are given ids, cursors and keys that exist, or else hardly one of them would pass the shop's rules.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi import checks

from lab.contract.client import Client, Request
from lab.contract.document import CONTRACT_FOLDER, Operation
from lab.contract.feeding import Feed
from lab.contract.probe import Abandoned, Probe, Setting, Violation

EXAMPLES = {GenerationMode.POSITIVE: 60, GenerationMode.NEGATIVE: 40}
EXAMPLES_MIN = 50
SUCCESS_SHARE_MIN = 0.2
_METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
_TIMEOUT_S = 15.0
_CONFIGURATION = CONTRACT_FOLDER / "schemathesis.toml"
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


def check(
    setting: Setting, operations: Iterable[Operation], seed_number: int, configuration: Path = _CONFIGURATION
) -> Iterator[tuple[Operation, Outcome]]:
    """One operation after the other."""
    set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "framework-lab-hypothesis")  # else it writes where one is
    config = schemathesis.Config.from_path(configuration)
    schema: Any = schemathesis.openapi.from_dict(copy.deepcopy(dict(setting.contract.document)), config=config)
    wanted = {operation.id: operation for operation in operations}
    for found in schema.get_all_operations():
        api_operation = found.ok()
        operation = wanted.get(api_operation.definition.raw["operationId"])
        if operation is not None:
            run = _Run(setting, operation)
            try:
                run.all(schema, api_operation, seed_number)
            finally:
                run.close()
            yield operation, run.outcome


class _Run:
    """The examples of one operation against the service."""

    def __init__(self, setting: Setting, operation: Operation) -> None:
        self.setting = setting
        self.operation = operation
        self.outcome = Outcome()
        self._probe = Probe(setting, f"{operation.id}: made-up requests", Client(setting.url))
        self._feed = Feed(self._probe)
        self._session = requests.Session()
        self._session.trust_env = False
        self._headers = {"Authorization": setting.tokens.bearer(operation.scope)} if operation.scope else {}
        self._kinds: set[tuple[str, str]] = set()

    def close(self) -> None:
        self._session.close()
        self._probe.client.close()

    def all(self, schema: Any, api_operation: Any, seed_number: int) -> None:
        modes = list(GenerationMode)
        try:
            for case in schema.iter_coverage_cases(
                api_operation, generation_modes=modes, generation_config=schema.config.generation
            ):
                if case.method in _METHODS:  # servers answer stranger ones before the service sees them
                    self._example(case)
            for mode in modes:
                if mode.is_positive or self.operation.body or api_operation.query or api_operation.path_parameters:
                    self._made_up(api_operation, mode, seed_number)
        except Abandoned:
            self.outcome.violations += self._probe.violations
            return
        share = self.outcome.successes / self.outcome.examples
        assert self.outcome.examples >= EXAMPLES_MIN
        if share < SUCCESS_SHARE_MIN and not self.outcome.violations:
            expected = f"at least {SUCCESS_SHARE_MIN:.0%} of {self.outcome.examples} made-up requests to succeed"
            repeat = f"lab contract {self.setting.url} --operation {self.operation.id} --seed {seed_number} …"
            name = f"{self.operation.id}: made-up requests"
            self.outcome.violations.append(Violation(name, repeat, expected, f"{self.outcome.successes} of them"))

    def _made_up(self, api_operation: Any, mode: GenerationMode, seed_number: int) -> None:
        limits = settings(
            max_examples=EXAMPLES[mode],
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )

        @seed(seed_number)
        @limits
        @given(case=api_operation.as_strategy(generation_mode=mode), stray=st.integers(0, 10**6))
        def example(case: Any, stray: int) -> None:
            if self.operation.id == "ping":
                case.query = {"unknown": str(stray)}
            self._example(case)

        example()

    def _example(self, case: Any) -> None:
        positive = case.meta.generation.mode.is_positive
        if positive and case.method == self.operation.method:
            self._feed.fit(self.operation.id, case)
        elif self._feed.would_harm(self.operation.id, case):
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
        name = f"{self.operation.id}: made-up requests"
        self.outcome.violations.append(Violation(name, request.curl(self.setting.url), expected, found))

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
