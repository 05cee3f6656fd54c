"""What an order does when the catalog is slow, broken or gone. Deadlines are those of `runtime.md`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lab.contract.cases.case import Case, Lane, Needs, case
from lab.contract.cases.placing import replayed
from lab.contract.document import Contract
from lab.contract.fake_catalog import Product
from lab.contract.probe import Probe

_CATALOG = Needs.FAKE_CATALOG
TIMEOUT_ANSWER_S = 3.5  # 2 s for all prices, 1 s to connect, and what a busy machine adds
_DOWN_ANSWER_S = 3.0
HANGING_S = 8.0
BELOW_DEADLINE_S = 1.0
EACH_OF_TWENTY_S = 0.15  # one after the other: 3 s, which is beyond the deadline
TWENTY_ANSWER_S = 2.0

_BROKEN: Mapping[str, Product] = {
    "500": Product(status=500, media_type="text/plain", body="broken"),
    "401": Product(status=401, media_type="application/problem+json", body="{}"),
    "429": Product(status=429, media_type="application/problem+json", body="{}"),
    "503": Product(status=503, media_type="application/problem+json", body="{}"),
    "201": Product(status=201),
    "a redirect": Product(status=302, body="", headers={"Location": "/products/1"}),
    "no JSON": Product(media_type="text/html", body="<html></html>"),
    "nothing": Product(body=""),
    "JSON cut short": Product(body='{"id": 1, "name": "A'),
    "a list": Product(body="[]"),
    "null": Product(body="null"),
    "no price": Product(body='{"id": 1, "name": "A thing"}'),
    "a price as text": Product(body='{"id": 1, "name": "A", "price": {"amount_minor": "12", "currency": "EUR"}}'),
    "a price as a number": Product(body='{"id": 1, "name": "A", "price": 12}'),
    "no currency": Product(body='{"id": 1, "name": "A", "price": {"amount_minor": 12}}'),
    "a name as a number": Product(body='{"id": 1, "name": 1, "price": {"amount_minor": 12, "currency": "EUR"}}'),
    "a body that ends in the middle": Product(cut=True),
    "a connection reset": Product(reset=True),
}


def cases(contract: Contract, role: str) -> Iterable[Case]:
    if role != "orders":
        return
    yield case("a catalog that answers wrongly is 503", "placeOrder setStock", _broken, needs=_CATALOG)
    yield case("one wrong answer among many is 503", "placeOrder setStock", _one_broken, needs=_CATALOG)
    yield case("an order refused for the catalog may be sent again", "placeOrder setStock", _recovers, needs=_CATALOG)
    yield case(
        "a catalog that fails comes before an unknown product", "placeOrder setStock", _fails_first, needs=_CATALOG
    )
    waiting = Lane.WAITING
    yield case("a catalog that does not answer is 504", "placeOrder setStock", _hangs, waiting, _CATALOG)
    yield case("an answer that trickles in is 504 too", "placeOrder setStock", _trickles, waiting, _CATALOG)
    yield case("a slow answer below the deadline is waited for", "placeOrder setStock", _slow, waiting, _CATALOG)
    yield case("prices are read concurrently", "placeOrder setStock", _concurrently, waiting, _CATALOG)
    yield case("a catalog that is down is 503", "placeOrder", _down, Lane.ALONE, _CATALOG)


def _broken(probe: Probe) -> None:
    for what, product in _BROKEN.items():
        with probe.about(what):
            probe.refused(probe.order((probe.orderable(1, product), 1)), "dependency-unavailable")


def _one_broken(probe: Probe) -> None:
    good = [(product_id, 1) for product_id in range(1, 10)]
    broken = probe.orderable(1, Product(status=500))
    probe.refused(probe.order(*good, (broken, 1)), "dependency-unavailable")


def _fails_first(probe: Probe) -> None:
    broken, unknown = probe.orderable(1, Product(status=500, wait_s=0.1)), probe.ids.product()
    probe.refused(probe.order((unknown, 1), (broken, 1)), "dependency-unavailable")
    probe.refused(probe.order((broken, 1), (unknown, 1)), "dependency-unavailable")


def _recovers(probe: Probe) -> None:
    """Neither stock nor key were used."""
    product_id = probe.orderable(1, Product(status=500))
    request = probe.order((product_id, 1))
    probe.refused(request, "dependency-unavailable")
    probe.fake_catalog.serve(product_id, Product())
    answer = probe.succeed(request, 201)
    probe.expect(not replayed(answer), answer, "a first result, without Idempotency-Replayed", answer.headers)


def _late(probe: Probe, product: Product) -> None:
    answer = probe.refused(probe.order((1, 1), (probe.orderable(1, product), 1)), "upstream-timeout")
    in_time = answer.elapsed_s <= TIMEOUT_ANSWER_S
    probe.expect(in_time, answer, f"an answer within {TIMEOUT_ANSWER_S} s", f"one after {answer.elapsed_s:.1f} s")


def _hangs(probe: Probe) -> None:
    _late(probe, Product(wait_s=HANGING_S))


def _trickles(probe: Probe) -> None:
    """Each byte comes well within the deadline, all of them don't."""
    _late(probe, Product(trickle_s=0.1))


def _slow(probe: Probe) -> None:
    probe.placed((probe.orderable(1, Product(wait_s=BELOW_DEADLINE_S)), 1))


def _concurrently(probe: Probe) -> None:
    lines = [(probe.orderable(1, Product(wait_s=EACH_OF_TWENTY_S)), 1) for _ in range(20)]
    answer = probe.succeed(probe.order(*lines), 201)
    found = f"one after {answer.elapsed_s:.1f} s"
    probe.expect(answer.elapsed_s < TWENTY_ANSWER_S, answer, f"an answer within {TWENTY_ANSWER_S} s", found)


def _down(probe: Probe) -> None:
    placed = probe.order((1, 1))
    first = probe.succeed(placed, 201)
    probe.fake_catalog.down()
    try:
        answer = probe.refused(probe.order((1, 1)), "dependency-unavailable")
        in_time = answer.elapsed_s <= _DOWN_ANSWER_S
        probe.expect(in_time, answer, f"an answer within {_DOWN_ANSWER_S} s", f"one after {answer.elapsed_s:.1f} s")
        with probe.about("a key that placed an order"):
            again = probe.send(placed)
            same = again.status == 201 and again.document == first.document
            probe.expect(same, again, f"the first result, which needs no catalog: {first.document}")
    finally:
        probe.fake_catalog.up()
    with probe.about("back again"):
        probe.placed((1, 1))
