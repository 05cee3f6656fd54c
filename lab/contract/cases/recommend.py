"""Which products are nearest to an embedding: exact answers, found here by comparing all products in plain Python."""

from __future__ import annotations

import heapq
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from operator import mul
from typing import Any

from shop import model

from lab.contract.cases.case import Case, Lane, case
from lab.contract.client import Answer, Request
from lab.contract.document import Contract
from lab.contract.probe import Probe

_MOST_NEIGHBOURS = 100
_MOST_EMBEDDINGS = 32
_AT_ONCE = 8
_PING_WITHIN_S = 2.0

Embedding = tuple[int, ...]


def cases(contract: Contract, role: str) -> Iterable[Case]:
    if role != "recommend":
        return
    yield case("ten neighbours, or as many as asked for, exactly", "recommend", _exact)
    yield case("neighbours at one distance come by ascending id", "recommend", _twins)
    yield case("32 embeddings are answered in the order sent", "recommend", _order)
    yield case("12.0 is 12", "recommend", _zero_fraction)
    yield case("several at once are answered right, and ping beside them", "recommend", _at_once, Lane.ALONE)


@cache
def _products() -> Sequence[tuple[int, Embedding, int]]:
    """(id, embedding, its squared length) of every product."""
    embeddings = map(tuple, model.embeddings(model.build()))
    return [(number, each, sum(map(mul, each, each))) for number, each in enumerate(embeddings, 1)]


@cache
def _nearest(embedding: Embedding) -> Sequence[dict[str, int]]:
    length = sum(map(mul, embedding, embedding))
    distances = ((length + own - 2 * sum(map(mul, embedding, each)), number) for number, each, own in _products())
    nearest = heapq.nsmallest(_MOST_NEIGHBOURS, distances)
    return [{"product_id": number, "squared_distance": distance} for distance, number in nearest]


@cache
def _of_twins() -> Sequence[Embedding]:
    """The embeddings that most products have in common."""
    ids: dict[Embedding, int] = defaultdict(int)
    for _, embedding, _ in _products():
        ids[embedding] += 1
    return heapq.nlargest(3, ids, key=lambda embedding: ids[embedding])


def _random(number: int, spread: int = model.MAXIMUM) -> Embedding:
    chance = random.Random(number)  # noqa: S311 - the same in every check
    return tuple(chance.randint(-spread, spread) for _ in range(model.DIMENSIONS))


def _request(probe: Probe, embeddings: Sequence[Embedding], **k: int) -> Request:
    return probe.setting.request("recommend", body={"embeddings": embeddings, **k})


def _is_exact(probe: Probe, answer: Answer, embeddings: Sequence[Embedding], k: int = 10) -> None:
    wanted = [list(_nearest(embedding)[:k]) for embedding in embeddings]
    found: Any = answer.document["neighbours"]
    probe.require(len(found) == len(wanted), answer, f"{len(wanted)} lists of neighbours", f"{len(found)} lists")
    for number, (expected, neighbours) in enumerate(zip(wanted, found, strict=True)):
        said = f"neighbours of embedding {number}"
        probe.expect(neighbours == expected, answer, f"{said}: {expected[:20]}", f"{said}: {neighbours[:20]}")


def _exact(probe: Probe) -> None:
    embeddings = {
        "of a product": _products()[16][1],
        "all zero": (0,) * model.DIMENSIONS,
        "the largest": (model.MAXIMUM,) * model.DIMENSIONS,
        "the smallest": (-model.MAXIMUM,) * model.DIMENSIONS,
        "anywhere": _random(1),
        "in the midst": _random(2, 40),
    }
    for what, embedding in embeddings.items():
        for k in ({}, {"k": 1}, {"k": 7}, {"k": _MOST_NEIGHBOURS}):
            with probe.about(f"{what}, {k or 'no k'}"):
                answer = probe.succeed(_request(probe, [embedding], **k))
                _is_exact(probe, answer, [embedding], **k)


def _twins(probe: Probe) -> None:
    for embedding in _of_twins():
        for k in (1, 2, 10, _MOST_NEIGHBOURS):
            answer = probe.succeed(_request(probe, [embedding], k=k))
            _is_exact(probe, answer, [embedding], k)


def _order(probe: Probe) -> None:
    embeddings = [_random(3 + number % 8, 60) for number in range(_MOST_EMBEDDINGS)]  # some of them several times
    for sent in (embeddings, embeddings[::-1]):
        _is_exact(probe, probe.succeed(_request(probe, sent)), sent)


def _zero_fraction(probe: Probe) -> None:
    embedding = _random(1)
    written = ", ".join(f"{value}.0" for value in embedding)
    request = probe.setting.request("recommend", content=f'{{"embeddings": [[{written}]], "k": 12.0}}'.encode())
    _is_exact(probe, probe.succeed(request), [embedding], 12)


def _at_once(probe: Probe) -> None:
    sent = [[_random(3 + (number + turn) % 8, 60) for turn in range(_MOST_EMBEDDINGS)] for number in range(_AT_ONCE)]
    ping = probe.setting.request("ping")
    *answers, pong = probe.at_once([*(_request(probe, embeddings) for embeddings in sent), ping])
    for embeddings, answer in zip(sent, answers, strict=True):
        if probe.conforms(answer, 200):
            _is_exact(probe, answer, embeddings)
    if probe.conforms(pong, 200):
        in_time = pong.elapsed_s < _PING_WITHIN_S
        found = f"one after {pong.elapsed_s:.1f} s"
        probe.expect(in_time, pong, f"an answer within {_PING_WITHIN_S:g} s", found)
