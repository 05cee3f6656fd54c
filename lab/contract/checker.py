"""Checks a running service over HTTP: the table of behaviour cases first, then requests made up from the schema."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from shop import seed
from shop.settings import TOKEN_KEY_MIN_BYTES

from lab.contract import cases, made_up, properties
from lab.contract.cases.case import Case, Lane, Needs
from lab.contract.client import Client, NoAnswer, Request
from lab.contract.document import Contract, load
from lab.contract.fake_catalog import FakeCatalog
from lab.contract.probe import Ids, Setting, Violation
from lab.contract.tokens import Tokens
from lab.core.manifest import PING_ROLE
from lab.core.operations import Operation
from lab.errors import InputError
from lab.ports import ContractReport

WAITING_AT_ONCE = 2  # with two more requests beside them, as many as a small service works on at once


@dataclass(slots=True)
class _Result:
    passed: int
    violations: list[Violation]
    not_run: list[str]


class HttpContractChecker:
    """Checks one service after the other, or several at once from as many threads.

    `seed_number` decides which requests are made up; `clock` is Unix seconds; `progress` takes lines to show.
    """

    def __init__(
        self,
        seed_number: int = 1,
        progress: Callable[[str], None] = lambda line: None,
        clock: Callable[[], float] = time.time,
        contract: Contract | None = None,
    ) -> None:
        self._seed = seed_number
        self._progress = progress
        self._clock = clock
        self._contract = contract or load()
        self._made_up = made_up.of_seed(self._contract, seed_number)

    def check(
        self, url: str, role: str, operations: Sequence[str], token_key: bytes, fake_catalog_url: str, metrics_url: str
    ) -> ContractReport:
        """Raises InputError, with every problem, where there is nothing that can be checked."""
        problems = self.problems(url, role, operations, fake_catalog_url, metrics_url)
        if self.takes_tokens(role) and len(token_key) < TOKEN_KEY_MIN_BYTES:
            problems.append(f"token key: {len(token_key)} bytes; at least {TOKEN_KEY_MIN_BYTES}")
        if problems:
            raise InputError("what is to be checked", problems)
        of_role = self._contract.of_role(role)
        selected = [operation for operation in of_role if not operations or operation.id in operations]
        setting = Setting(self._contract, url, Tokens(token_key, self._clock), Ids(), metrics_url=metrics_url)
        if fake_catalog_url:
            setting.fake_catalog = _served(fake_catalog_url)
        examples: dict[str, int] = {}
        successes: dict[str, int] = {}
        result = _Result(0, [], [])
        try:
            lanes = self._lanes(setting, role, selected, result)
            _run(setting, lanes[Lane.ALONE], result)
            with _beside(setting, lanes[Lane.WAITING], result):
                _run(setting, lanes[Lane.TABLE], result)
                self._progress(f"{result.passed} behaviour cases passed so far, {len(result.violations)} violations")
                for operation, outcome in properties.check(setting, selected, self._made_up):
                    examples[operation.id], successes[operation.id] = outcome.examples, outcome.successes
                    result.violations += outcome.violations
                    result.passed += not outcome.violations
                    sent = f"{outcome.examples} made-up requests, {outcome.successes} succeeded"
                    self._progress(f"{operation.id}: {sent}")
        finally:
            _restore_stock(setting)
            if setting.fake_catalog is not None:
                setting.fake_catalog.down()
        return ContractReport(
            passed=result.passed,
            violations=tuple(str(violation) for violation in result.violations),
            not_run=tuple(result.not_run),
            examples=examples,
            successes=successes,
            seed=self._seed,
        )

    def problems(
        self, url: str, role: str, operations: Sequence[str], fake_catalog_url: str, metrics_url: str
    ) -> list[str]:
        """Why this cannot be checked; asks the addresses whether they answer."""
        problems = []
        roles = (*self._contract.roles, PING_ROLE)
        if role not in roles:
            problems.append(f"--role: {role!r} is none of {', '.join(roles)}")
        else:
            of_role = [operation.id for operation in self._contract.of_role(role)]
            for name in operations:
                if name not in of_role:
                    problems.append(f"--operation: {name!r} is none of {role}'s: {', '.join(of_role)}")
        problems += _unreachable("URL", url)
        if metrics_url:
            problems += _unreachable("--metrics-url", metrics_url)
        if fake_catalog_url and role != "orders":
            problems.append("--fake-catalog: only the role orders asks a catalog")
        return problems

    def takes_tokens(self, role: str) -> bool:
        return any(operation.scope for operation in self._contract.of_role(role))

    def _lanes(
        self, setting: Setting, role: str, selected: Iterable[Operation], result: _Result
    ) -> dict[Lane, list[Case]]:
        """The cases that can be run; the others are told to `result`."""
        lanes: dict[Lane, list[Case]] = {lane: [] for lane in Lane}
        for case in cases.of_operations(self._contract, role, (operation.id for operation in selected)):
            if _has(setting, case.needs):
                lanes[case.lane].append(case)
            else:
                result.not_run.append(f"{case.name} (needs {case.needs.value})")
        self._progress(f"{sum(map(len, lanes.values()))} behaviour cases, {len(result.not_run)} not run")
        return lanes


@contextmanager
def _beside(setting: Setting, waiting: Iterable[Case], result: _Result) -> Iterator[None]:
    """Runs cases that mostly wait, two at a time, beside what is done in the block; their results come after it."""
    results = [_Result(0, [], []) for _ in range(WAITING_AT_ONCE)]
    todo = iter(waiting)  # whoever is free takes the next one
    with ThreadPoolExecutor(WAITING_AT_ONCE) as pool:
        running = [pool.submit(_run, setting, _until(setting.stopped, todo), each) for each in results]
        try:
            yield
        except BaseException:
            setting.stopped.set()
            raise
        for each in running:
            each.result()
    result.passed += sum(each.passed for each in results)
    result.violations += [violation for each in results for violation in each.violations]


def _until(stopped: threading.Event, todo: Iterable[Case]) -> Iterator[Case]:
    return itertools.takewhile(lambda _: not stopped.is_set(), todo)


def _has(setting: Setting, needs: Needs) -> bool:
    match needs:
        case Needs.FAKE_CATALOG:
            return setting.fake_catalog is not None
        case Needs.METRICS_URL:
            return bool(setting.metrics_url)
        case Needs.NOTHING:
            return True


def _run(setting: Setting, todo: Iterable[Case], result: _Result) -> None:
    client = Client(setting.url)
    for case in todo:
        violations = case.violations(setting, client)
        result.passed += not violations
        result.violations += violations
    client.close()


def _unreachable(name: str, url: str) -> list[str]:
    """What is wrong with an address, if anything; it must answer HTTP, whatever it says."""
    try:
        parts = urlsplit(url)
        wrong = parts.scheme not in {"http", "https"} or not parts.hostname or (parts.port or 1) < 1
    except ValueError:
        wrong = True
    if wrong:
        return [f"{name}: {url!r} is not an address; for example http://127.0.0.1:8000"]
    client = Client(url, timeout_s=5)
    try:
        client.send(Request("ping", "GET", "/ping"))
    except NoAnswer as error:
        return [f"{name}: {url} does not answer HTTP: {error}"]
    finally:
        client.close()
    return []


def _served(url: str) -> FakeCatalog:
    parts = urlsplit(url)
    catalog = FakeCatalog(parts.hostname or "", parts.port or 80)
    try:
        catalog.up()
    except OSError as error:
        raise InputError("--fake-catalog", [f"cannot serve at {parts.netloc}: {error.strerror}"]) from error
    return catalog


def _restore_stock(setting: Setting) -> None:
    """Seeded products that cases took get the seed's stock again."""
    client = Client(setting.url)
    for product_id in sorted(setting.touched_stock):
        body = {"quantity": seed.STOCK_QUANTITY}
        try:
            client.send(setting.request("setStock", path={"product_id": product_id}, body=body))
        except NoAnswer:
            break
    client.close()
