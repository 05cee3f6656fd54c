"""The bytes of every request of a trial, made before it starts, and what counts as a right answer to each.

Only an id that an earlier answer gave is put in when the request leaves. Values are the same for the same seed; tokens
never repeat, so that an idempotency key of one trial is new in the next.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from random import Random, SystemRandom
from typing import Any
from urllib.parse import quote, urlencode

from lab.core import schedule, values
from lab.core.operations import EVENTS, IDEMPOTENCY_KEY, IDEMPOTENT_METHODS, Operation
from lab.core.roles import ANY_ROLE
from lab.core.scenario import Request
from lab.ports import Load

# Parsing every answer would cost the generator more than sending: all of the first answers, when mistakes show, and
# some of the rest are parsed; the others count as right by status and last byte, their length being HTTP's business.
PARSED_FIRST = 20
PARSED_THEN_EVERY = 50

_ID = "\0"  # stands for an id that is put in later; no other part of a request can hold it

Ids = dict[str, list[bytes]]


class Kind:
    """One kind of request of a load, as it is sent."""

    def __init__(self, request: Request, load: Load, operations: Mapping[str, Operation]) -> None:
        operation = operations[request.operation]
        self.operation = operation
        self.url = _url(load.urls, operation.role if operation.role != ANY_ROLE else request.role)
        self.source = next(filter(None, map(values.source, request.path.values())), None)
        self.resendable = operation.method in IDEMPOTENT_METHODS or IDEMPOTENCY_KEY in request.header
        self._request = request
        self._answers = operation.answers
        self._parsed_at = PARSED_FIRST
        self._seen = 0
        authority = self.url.split("://", 1)[1]
        accepted = EVENTS if operation.streams else "application/json"
        fixed = {"Host": authority, "User-Agent": "framework-lab", "Accept": accepted}
        if operation.scope:
            fixed["Authorization"] = f"Bearer {load.token}"
        self._fixed = "".join(f"{name}: {value}\r\n" for name, value in fixed.items())

    def render(self, chance: Random, unique: Random) -> tuple[bytes, bytes]:
        """The request in two parts, between which an id belongs where `source` is not None."""
        request = self._request
        path = self.operation.path
        for name, spec in request.path.items():
            value = _ID if values.source(spec) else quote(_text(values.draw(spec, chance, unique)), safe="")
            path = path.replace(f"{{{name}}}", value)
        if request.query:
            pairs = [(name, _text(values.draw(spec, chance, unique))) for name, spec in request.query.items()]
            path += "?" + urlencode(pairs, quote_via=quote)
        lines = [f"{self.operation.method} {path} HTTP/1.1\r\n", self._fixed]
        lines += [f"{name}: {_text(values.draw(spec, chance, unique))}\r\n" for name, spec in request.header.items()]
        body = b""
        if request.body is not None:
            body = json.dumps(values.draw(request.body, chance, unique), separators=(",", ":")).encode()
            lines.append(f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n")
        first, _, rest = "".join([*lines, "\r\n"]).encode().partition(_ID.encode())
        return (first, rest + body) if self.source else (first + body, b"")

    def wrong(self, status: int, body: bytes) -> str | None:
        """Why this is not what the contract says of a success; None when it is."""
        try:
            members = self._answers[status]
        except KeyError:
            return f"status {status}"
        if members is None:
            return "wrong body" if body else None
        self._seen += 1
        if self._seen > PARSED_FIRST and self._seen % PARSED_THEN_EVERY:
            return None if body[-2:].rstrip().endswith(b"}") else "wrong body"
        try:
            document = json.loads(body)
        except ValueError:
            return "wrong body"
        return None if isinstance(document, dict) and members <= document.keys() else "wrong body"


@dataclass(slots=True, eq=False)
class Exchange:
    """One request on its way. `due` is in seconds from the start of the trial; `beside` the workload, or of it.

    Once it is settled, `latency_s` counts from when it was due, and `error` is the kind of its failure, if it failed.
    """

    due: float
    kind: Kind
    payload: bytes
    rest: bytes
    beside: bool = False
    settled: bool = False
    resent: bool = False
    latency_s: float = 0.0
    error: str | None = None


@dataclass(slots=True)
class Plan:
    """All exchanges of a trial in the order of their time; `leave` must be called as each one leaves."""

    exchanges: list[Exchange]
    makers: Mapping[str, Kind]
    ids: Ids
    chance: Random
    unique: Random

    def leave(self, exchange: Exchange) -> None:
        """Puts the id in; where none is known yet, the request becomes one that makes one."""
        source = exchange.kind.source
        if source is None:
            return
        known = self.ids.setdefault(source.operation, [])
        if not known:
            exchange.kind = self.makers[source.operation]
            exchange.payload, exchange.rest = exchange.kind.render(self.chance, self.unique)
            return
        position = int(self.chance.random() * len(known))
        known_id = known[position]
        if source.removes:
            known[position] = known[-1]
            known.pop()
        exchange.payload += known_id + exchange.rest

    def learn(self, operation: str, location: bytes) -> None:
        """Keeps the id that a success named, if any request can use it."""
        if operation in self.makers:
            self.ids.setdefault(operation, []).append(id_in(location))


def plan(load: Load, operations: Mapping[str, Operation], ids: Ids) -> Plan:
    """`ids` are those known from earlier loads of the same target; the trial adds to them."""
    scenario = load.scenario
    kinds = [Kind(request, load, operations) for request in scenario.requests]
    sources = {kind.source.operation for kind in kinds if kind.source}
    chance = Random(load.seed)  # noqa: S311  repeats itself for a seed, which is the point
    unique = some_unique()
    weights = list(accumulate(request.weight for request in scenario.requests))
    exchanges = []
    for due in _workload(load):
        kind = chance.choices(kinds, cum_weights=weights)[0]
        exchanges.append(Exchange(due, kind, *kind.render(chance, unique)))
    if scenario.beside and load.beside_per_s:
        kind = Kind(scenario.beside.request, load, operations)
        chance = Random(f"{load.seed} beside")  # noqa: S311  as above
        later = 0.5 / load.beside_per_s  # so that those of equal rates don't always leave together
        for due in _constant(load, load.beside_per_s):
            exchanges.append(Exchange(due + later, kind, *kind.render(chance, unique), beside=True))
        exchanges.sort(key=attrgetter("due"))
    makers = {kind.operation.id: kind for kind in reversed(kinds) if kind.operation.id in sources}
    return Plan(exchanges, makers, ids, Random(f"{load.seed} on the way"), unique)  # noqa: S311  as above


def some_unique() -> Random:
    """The randomness of tokens, which never repeat."""
    return Random(SystemRandom().getrandbits(128))  # noqa: S311  much faster, and as good for a name


def id_in(location: bytes) -> bytes:
    """The id of the thing that a `Location` names."""
    return location.rpartition(b"/")[2]


def _workload(load: Load) -> list[float]:
    if load.steps:
        return schedule.stepped(load.steps, load.share.worker, load.share.workers)
    return _constant(load, load.rate_per_s)


def _constant(load: Load, rate_per_s: float) -> list[float]:
    share = load.share
    return schedule.constant(rate_per_s, load.duration_s, share.worker, share.workers) if rate_per_s else []


def _url(urls: Mapping[str, str], role: str) -> str:
    return (urls[role] if role else next(iter(urls.values()))).rstrip("/")


def _text(value: Any) -> str:
    return ("false", "true")[value] if isinstance(value, bool) else str(value)
