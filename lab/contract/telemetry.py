"""What a service's telemetry lacks: each row of SIGNALS sent to it with a traceparent, its metrics read around it.

Requests come one after the other and nothing else may reach the service meanwhile, since metrics are compared exactly.
Traces are looked at when all has been sent, because services send them in batches.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from lab.contract import telemetry_metrics as metrics
from lab.contract import telemetry_spans as spans
from lab.contract.client import Client, Request
from lab.contract.document import load
from lab.contract.fake_catalog import FakeCatalog
from lab.contract.probe import Abandoned, Ids, Probe, Setting, Violation
from lab.contract.signals import SIGNALS, Fault, Signal
from lab.contract.telemetry_metrics import Exposed, Unreadable
from lab.contract.telemetry_receiver import Receiver
from lab.contract.telemetry_spans import Demand, Sent
from lab.contract.tokens import Tokens
from lab.errors import InputError

COUNTED_WITHIN_S = 2.0
RECEIVED_WITHIN_S = 15.0  # a sender whose receiver was not there waits a while before it tries again
QUIET_S = 3.0  # after which no more spans are expected where each trace has some
POLL_S = 0.02
MADE_UP_METHOD = "PROPFIND"
SECRET_MIN_CHARACTERS = 6
NO_METRICS = Exposed("", {})
VALUE_MIN = 1000  # smaller numbers are in statements for other reasons


@dataclass(slots=True)
class Service:
    """One replica: where requests and scrapes go."""

    role: str
    probe: Probe
    metrics: Client = field(init=False)
    has_metrics: bool = True

    def __post_init__(self) -> None:
        self.metrics = Client(self.probe.setting.metrics_url)

    def read(self) -> Exposed:
        """Its metrics, but for buckets; nothing where there are none at all."""
        return metrics.read(self.metrics, buckets=False) if self.has_metrics else NO_METRICS

    def unlike(self, case: str, found: Iterable[spans.Found]) -> list[Violation]:
        """Violations that the metrics show by themselves."""
        repeat = metrics.request().curl(self.metrics.base_url)
        return [Violation(case, repeat, expected, instead) for expected, instead in found]

    def unreadable(self, case: str, error: Unreadable) -> list[Violation]:
        return self.unlike(case, [("metrics in Prometheus' text format", str(error))])

    def close(self) -> None:
        self.probe.client.close()
        self.metrics.close()


@dataclass(frozen=True, slots=True)
class Watched:
    """One row that was sent. `violations` are those that were known without its trace."""

    signal: Signal
    role: str
    sent: Sent
    curl: str
    violations: tuple[Violation, ...]

    def lacking(self, receiver: Receiver, demand: Demand) -> list[Violation]:
        found = spans.lacking(self.signal, self.role, self.sent, receiver.trace(self.sent.trace_id), demand)
        return [Violation(self.signal.name, self.curl, expected, instead) for expected, instead in found]


@dataclass(frozen=True, slots=True)
class TelemetryReport:
    """`violations` are ready to print, each with the command to repeat it; `not_run` are names of rows."""

    passed: int
    violations: tuple[str, ...]
    not_run: tuple[str, ...]


def check_at(
    url: str,
    role: str,
    operations: Sequence[str],
    token_key: bytes,
    fake_catalog_url: str,
    metrics_url: str,
    otlp_url: str,
) -> TelemetryReport:
    """Every lack of one service alone, whose traces go to `otlp_url`; without it, what its metrics lack.

    All operations where none are named. InputError where an address cannot be served.
    """
    setting = Setting(load(), url, Tokens(token_key, time.time), Ids(), metrics_url=metrics_url)
    with ExitStack() as ending:
        if fake_catalog_url:
            parts = urlsplit(fake_catalog_url)
            setting.fake_catalog = FakeCatalog(parts.hostname or "", parts.port or 80)
            with _must_serve("--fake-catalog", parts.netloc):
                setting.fake_catalog.up()
            ending.callback(setting.fake_catalog.down)
        receiver = None
        if otlp_url:
            parts = urlsplit(otlp_url)
            with _must_serve("--otlp", parts.netloc):
                receiver = Receiver(parts.hostname or "", parts.port or 4318)
            ending.enter_context(receiver)
        service = Service(role, Probe(setting, "telemetry", Client(url)))
        ending.callback(service.close)
        return check(service, operations, receiver)


@contextmanager
def _must_serve(option: str, address: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(option, [f"cannot serve at {address}: {error.strerror}"]) from error


def check(service: Service, operations: Sequence[str], receiver: Receiver | None) -> TelemetryReport:
    not_run = [] if receiver else ["traces (needs --otlp)"]
    found = [_at_start(service, traced=bool(receiver))]
    rows: list[Watched] = []
    for signal in rows_of(service.role, operations):
        if not _may_run(signal, service):
            not_run.append(f"{signal.name} (needs {signal.fault.value})")
            continue
        try:
            row = _watch(signal, service)
        except Abandoned:
            found.append([*service.probe.violations])
        except Unreadable as error:
            found.append([*service.probe.violations, *service.unreadable(signal.name, error)])
        else:
            rows.append(row)
            found.append([*row.violations])
    if service.has_metrics:
        found.append(_folding(service))
    if receiver:
        demand = Demand(whole=False)
        wait(rows, receiver, demand)
        found += [row.lacking(receiver, demand) for row in rows]
        found.append([Violation("traces", "", "OTLP over HTTP", problem) for problem in sorted(receiver.problems)])
        if service.has_metrics:
            found.append(service.unlike("exemplars", _exemplars(service, rows)))
    violations = [str(violation) for each in found for violation in each]
    return TelemetryReport(sum(not each for each in found), tuple(violations), tuple(not_run))


def _at_start(service: Service, *, traced: bool) -> list[Violation]:
    try:
        exposed = metrics.read(service.metrics)
    except Unreadable as error:
        service.has_metrics = False
        return service.unreadable("metrics", error)
    return service.unlike("metrics", metrics.lacking(exposed, service.role, traced=traced))


def rows_of(role: str, operations: Sequence[str] = ()) -> list[Signal]:
    return [
        signal
        for signal in SIGNALS
        if signal.role in (role, "") and (not operations or signal.operation in (*operations, ""))
    ]


def _may_run(signal: Signal, service: Service) -> bool:
    return signal.fault is Fault.NONE or (
        signal.fault is Fault.CATALOG_DOWN and service.probe.setting.fake_catalog is not None
    )


def _watch(signal: Signal, service: Service) -> Watched:
    catalog = service.probe.setting.fake_catalog
    if signal.fault is not Fault.CATALOG_DOWN or catalog is None:
        return watch(signal, service)
    catalog.down()
    try:
        return watch(signal, service)
    finally:
        catalog.up()


def watch(signal: Signal, service: Service) -> Watched:
    """Sends what the row says, and reads what metrics say of it.

    Raises Unreadable, and Abandoned where what it needs before cannot be had, or there is no answer.
    """
    service.probe.case = signal.name
    service.probe.violations.clear()
    request = signal.request(service.probe)
    before = _settled(service)
    sent = _sent(request)
    traced = request.with_header("traceparent", f"00-{sent.trace_id}-{sent.span_id}-01")
    curl = traced.curl(service.probe.setting.url)
    if (catalog := service.probe.setting.fake_catalog) is not None:
        catalog.traceparents.clear()
    status = service.probe.send(traced).status
    wrong = [] if status == signal.status else [(f"status {signal.status}", f"status {status}")]
    if service.has_metrics:
        wrong += _at_last(lambda: metrics.changes(signal, request.method, service.read().grown(before)))
    if catalog is not None:
        sent = replace(sent, passed_on=tuple(catalog.traceparents))
    found = tuple(Violation(signal.name, curl, expected, instead) for expected, instead in wrong)
    return Watched(signal, service.role, sent, curl, found)


def wait(rows: Sequence[Watched], receiver: Receiver, demand: Demand) -> None:
    """Until the traces of all rows lack nothing, or no more of them is to be expected."""
    give_up = time.monotonic() + RECEIVED_WITHIN_S
    number, quiet_at = 0, give_up
    while time.monotonic() < min(give_up, quiet_at):
        received = receiver.spans()
        if len(received) != number:
            number = len(received)
            if not any(row.lacking(receiver, demand) for row in rows):
                return
            has_all = {row.sent.trace_id for row in rows} <= {span.trace_id for span in received}
            quiet_at = time.monotonic() + QUIET_S if has_all else give_up
        time.sleep(POLL_S)


def _settled(service: Service) -> Exposed:
    """The metrics when the requests before have been counted: two readings in a row that say the same of them."""
    last = service.read()
    for _ in range(int(COUNTED_WITHIN_S / POLL_S)):
        time.sleep(POLL_S)
        now = service.read()
        if metrics.durations(now) == metrics.durations(last):
            return now
        last = now
    return last


def _at_last(wrong: Callable[[], Iterable[spans.Found]]) -> list[spans.Found]:
    """What is still wrong when there was time to count: a request is counted after its answer."""
    give_up = time.monotonic() + COUNTED_WITHIN_S
    while (found := list(wrong())) and time.monotonic() < give_up:
        time.sleep(POLL_S)
    return found


def _sent(request: Request) -> Sent:
    body = json.loads(request.body) if request.body else None
    texts, numbers = set(_texts(body)), set(_numbers(body))
    path = urlsplit(request.target).path
    numbers |= {int(part) for part in path.split("/") if part.isascii() and part.isdigit()}
    headers = dict(request.headers)
    texts |= {headers.get(name, "").removeprefix("Bearer ") for name in ("Authorization", "Idempotency-Key")}
    return Sent(
        trace_id=secrets.token_hex(16),
        span_id=secrets.token_hex(8),
        method=request.method,
        path=path,
        secrets=tuple(text for text in texts if len(text) >= SECRET_MIN_CHARACTERS),
        values=tuple(number for number in numbers if number >= VALUE_MIN),
    )


def _texts(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    for value in _members(document):
        yield from _texts(value)


def _numbers(document: Any) -> Iterator[int]:
    if isinstance(document, int):
        yield document
    for value in _members(document):
        yield from _numbers(value)


def _members(document: Any) -> Iterable[Any]:
    if isinstance(document, dict):
        return document.values()
    return document if isinstance(document, list) else ()


def _folding(service: Service) -> list[Violation]:
    """Paths and methods that a client makes up are in no label."""
    word = f"made-up-{secrets.token_hex(4)}"
    requests = [Request("", "GET", f"/{word}"), Request("", MADE_UP_METHOD, "/ping")]
    case = service.probe.case = "made-up requests"
    service.probe.violations.clear()
    try:
        for request in requests:
            service.probe.send(request)
        _settled(service)
        return service.unlike(case, metrics.folds(service.read(), (word, MADE_UP_METHOD)))
    except Abandoned:
        return [*service.probe.violations]
    except Unreadable as error:
        return service.unreadable(case, error)


def _exemplars(service: Service, rows: Iterable[Watched]) -> Iterator[spans.Found]:
    sent = {row.sent.trace_id for row in rows}
    try:
        found = metrics.exemplars(service.metrics)
    except Unreadable as error:
        yield f"OpenMetrics for Accept: {metrics.OPENMETRICS}", str(error)
        return
    if not any(exemplar.labels.get("trace_id") in sent and exemplar.labels.get("span_id") for exemplar in found):
        yield "an exemplar with trace_id and span_id of a traced request at its duration", f"{len(found)} exemplars"
